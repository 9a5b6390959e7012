"""Published checkpoints to weights and settings.

Source of the layouts: GPT-SoVITS `process_ckpt.py` and `utils.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from configs.errors import UserError
from models.published.archive import read_archive
from models.published.limits import (
    HyperParameters,
    UnusableError,
    damaged,
    require_finite,
    require_numbers,
    require_within_limits,
)
from models.published.pickled import StoredPath
from models.published.stream import read_stream
from models.published.tables import check_header

ZIP_MARK = b"PK"
_STREAM_MARK = b"\x80\x02"
MARKED_VERSIONS = {
    "00": "v1",
    "01": "v2",
    "02": "v3",
    "03": "v3 LoRA",
    "04": "v4 LoRA",
    "05": "v2Pro",
    "06": "v2ProPlus",
}
"""What the first two bytes of a voice file claim; `PK` claims nothing."""

GENERATOR = "a SoVITS generator"
DISCRIMINATOR = "the SoVITS discriminators"
DECODER = "a text-to-semantic decoder"
_KINDS = {
    "a LoRA of a v3 or v4 SoVITS generator, which is not supported yet": "lora_",
    "a v3 or v4 SoVITS generator, which is not supported yet": "cfm.estimator.",
    GENERATOR: "enc_p.text_embedding.",
    DISCRIMINATOR: "discriminators.0.",
    DECODER: "ar_text_embedding.",
    "the v4 vocoder, which is not supported yet": "conv_pre.",
}
"""A part of a name that only this network's weights have, the most telling first."""
_MAX_INFO = 200
"""Characters of a file's remark that are kept."""


class PublishedFile(NamedTuple):
    """The content of a checkpoint."""

    mark: str
    """The first two bytes: "PK", or a version's code such as "05"."""
    weights: dict[str, Tensor]
    """As stored, most often in fp16; finite."""
    config: dict[str, Any]
    info: str


def read_published(path: Path) -> PublishedFile:
    """Read a checkpoint, on the CPU.

    Raises:
        UserError: the file is missing, damaged, holds a class that is not admitted, or has no weights.
    """
    mark, content = _read(path)
    weights, config, info = _unpacked(content, path)
    require_finite(weights, str(path))
    plain = _plain(config)
    return PublishedFile(mark, weights, plain if isinstance(plain, dict) else {}, info)


def read_tensor(path: Path) -> Tensor:
    """Read a file that holds one tensor, as experiment folders keep features.

    Raises:
        UserError: the file is missing, damaged, or holds anything else.
    """
    content = read_content(path)
    if not isinstance(content, Tensor):
        raise UserError(f"{path}: holds {type(content).__name__} where one tensor is expected; make it again")
    return content


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file that holds one table of finite weights.

    Raises:
        UserError: the file is missing, damaged, or holds anything else.
    """
    content = read_content(path)
    if not is_table(content):
        raise UserError(f"{path}: is no table of weights; give the published file")
    require_finite(content, str(path))
    return content


def read_content(path: Path) -> Any:
    """Read what a file of `torch.save` or safetensors holds, on the CPU; nothing in it was run.

    Tables are dicts, and tensors claim no more numbers than the file holds.

    Raises:
        UserError: the file is missing, damaged, holds a class that is not admitted, or exceeds the limits of
            `models.published.limits`.
    """
    return _read(path)[1]


def is_table(content: Any) -> bool:
    """Whether it is a state dict: tensors by their names."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def kind_of(weights: Mapping[str, Tensor]) -> str:
    """Which network the weights belong to, in words."""
    for kind, part in _KINDS.items():
        if any(part in name for name in weights):
            return kind
    return "no network of GPT-SoVITS"


def require_kind(published: PublishedFile, kind: str, path: Path) -> None:
    """Refuse the weights of another network.

    Raises:
        UserError: what the file is, and what was wanted.
    """
    found = kind_of(published.weights)
    if found != kind:
        claimed = MARKED_VERSIONS.get(published.mark) or _claimed_version(published.config)
        version = f" (the file says {claimed})" if claimed else ""
        raise UserError(f"{path}: is {found}{version}; give {kind} of v1, v2, v2Pro or v2ProPlus")


def _read(path: Path) -> tuple[str, Any]:
    """The first two bytes, and the content."""
    try:
        with path.open("rb") as file:
            mark = file.read(2)
            content = _content(file, mark, path)
        require_within_limits(content)
        require_numbers(content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a checkpoint file") from error
    except SafetensorError as error:
        raise UserError(f"{path}: {damaged(error)}") from error
    except UnusableError as error:
        raise UserError(f"{path}: {error}") from error
    return mark.decode("latin-1"), content


def _content(file: BinaryIO, mark: bytes, path: Path) -> Any:
    if mark == ZIP_MARK or mark.decode("latin-1") in MARKED_VERSIONS:
        return read_archive(file)
    if mark == _STREAM_MARK:
        return read_stream(file)
    if path.suffix == ".safetensors":
        check_header(file)
        return load_file(path)
    found = f"begins with the bytes {mark.hex(' ')}" if mark else "is empty"
    raise UnusableError(f"{found}, so it is no checkpoint", "give a .pth, .t7, .ckpt or .safetensors file")


def _unpacked(content: Any, path: Path) -> tuple[dict[str, Tensor], Any, str]:
    """Weights, settings and remark of each layout.

    - voices, and the published s1, s2G and s2D files: `weight`, `config`, `info`;
    - what GPT-SoVITS saves while SoVITS trains (`G_*.pth`, `D_*.pth`): `model` in fp32, `iteration`,
      `optimizer`, `learning_rate`, no settings;
    - what Lightning saves while T2S trains: `state_dict`, settings under `hyper_parameters`;
    - the v4 vocoder: the bare weights.
    """
    found: Any = None
    config: Any = {}
    info: Any = ""
    if isinstance(content, dict):
        if "weight" in content:
            found, config, info = content["weight"], content.get("config", {}), content.get("info", "")
        elif "state_dict" in content:
            settings = content.get("hyper_parameters", {})
            config = settings.get("config", {}) if isinstance(settings, dict) else {}
            found, info = content["state_dict"], f"step {content.get('global_step', 'unknown')}"
        elif "model" in content:
            found, info = content["model"], f"iteration {content.get('iteration', 'unknown')}"
        else:
            found = content
    if not is_table(found):
        raise UserError(f"{path}: has no table of weights; give a GPT-SoVITS checkpoint")
    return {_bare(name): tensor for name, tensor in found.items()}, config, str(info)[:_MAX_INFO]


def _bare(name: str) -> str:
    """A name without the prefix that distributed training gives it."""
    return name.removeprefix("module.")


def _claimed_version(config: Mapping[str, Any]) -> str:
    model = config.get("model")
    return str(model.get("version", ""))[:20] if isinstance(model, dict) else ""


def _plain(value: Any) -> Any:
    """HParams as dicts and paths as text, all the way down; the content is within the limits."""
    if isinstance(value, HyperParameters):
        value = value.settings
    if isinstance(value, StoredPath):
        return "/".join(value.parts)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
