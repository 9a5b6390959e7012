"""Reading and writing published checkpoint files, without running what they contain.

All are made by `torch.save`. GPT-SoVITS has four layouts (see `_unpacked`), and its voice files may begin
with a version mark in place of the `PK` of a zip file; what other families keep in theirs is told where they
are read. A few classes that published files name beside tensors are admitted as plain holders of values
(`_ADMITTED`); any other is refused and named.

Source: GPT-SoVITS `process_ckpt.py` and `utils.py`.
"""

import io
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from configs.errors import UserError

ZIP_MARK = b"PK"
_OLD_MARK = b"\x80\x02"
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

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class PublishedFile(NamedTuple):
    """The content of a checkpoint."""

    mark: str
    """The first two bytes: "PK", or a version's code such as "05"."""
    weights: dict[str, Tensor]
    """As stored, most often in fp16."""
    config: dict[str, Any]
    info: str


class _HyperParameters:
    """Stands for the `utils.HParams` in a file: attributes, no behaviour."""


class _StoredPath:
    """Stands for the path of an output folder that Lightning keeps among the settings."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts


class _OfTraining:
    """Stands for an optimiser or a schedule of learning rates.

    StyleTTS 2's aligner and pitch extractor were saved by a PyTorch whose schedules keep one of their
    methods, and with it the whole schedule and its optimiser.
    """


class _PartOf:
    """Stands for such a method, which a file asks `getattr` for; nothing is looked up."""

    def __init__(self, *names: object) -> None:
        self.names = names


def _plain_dict(*_: object) -> dict[Any, Any]:
    """Stands for the `defaultdict` of an optimiser."""
    return {}


_ADMITTED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_HyperParameters, "utils.HParams"),
    (_HyperParameters, "GPT_SoVITS.utils.HParams"),
    (_StoredPath, "pathlib.PosixPath"),
    (_StoredPath, "pathlib.WindowsPath"),
    (_StoredPath, "pathlib._local.PosixPath"),
    (_StoredPath, "pathlib._local.WindowsPath"),
    (_OfTraining, "torch.optim.lr_scheduler.OneCycleLR"),
    (_OfTraining, "torch.optim.adamw.AdamW"),
    (_OfTraining, "torch.optim.adam.Adam"),
    (_PartOf, "builtins.getattr"),
    (_plain_dict, "collections.defaultdict"),
    (_plain_dict, "builtins.dict"),
]


def read_published(path: Path) -> PublishedFile:
    """Read a checkpoint, on the CPU.

    Raises:
        UserError: the file is missing, damaged, holds a class that is not admitted, or has no weights.
    """
    mark, content = _restricted_load(path)
    weights, config, info = _unpacked(content, path)
    require_numbers(weights, path)
    plain = _plain(config)
    return PublishedFile(mark, weights, plain if isinstance(plain, dict) else {}, info)


def read_tensor(path: Path) -> Tensor:
    """Read a file that holds one tensor, as experiment folders keep features.

    Raises:
        UserError: the file is missing, damaged, or holds anything else.
    """
    _, content = _restricted_load(path)
    if not isinstance(content, Tensor):
        raise UserError(f"{path}: holds {type(content).__name__} where one tensor is expected; make it again")
    return content


def read_content(path: Path) -> Any:
    """Read whatever a file of `torch.save` holds, on the CPU; nothing in it was run.

    Raises:
        UserError: the file is missing, damaged, or holds a class that is not admitted.
    """
    return _restricted_load(path)[1]


def require_numbers(weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that claim more numbers than the file holds, which would fill the memory once used.

    Raises:
        UserError: the first such tensor.
    """
    for name, tensor in weights.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise UserError(
                f"{path}: {name} claims the shape {list(tensor.shape)} but holds fewer numbers; "
                "download the file again from a source you trust"
            )


def write_published(path: Path, published: PublishedFile) -> None:
    """Write a checkpoint that GPT-SoVITS reads, whole or not at all; weights are stored in fp16.

    The same content gives the same bytes.

    Raises:
        UserError: a weight is not finite, or too large for fp16.
    """
    weights = {name: tensor.detach().cpu().half() for name, tensor in published.weights.items()}
    lost = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if lost:
        raise UserError(
            f"{path}: {lost[0]} holds values that fp16 cannot; the network has diverged, train it again"
        )
    content = {"weight": weights, "config": published.config, "info": published.info}
    data = serialized(content)
    write_whole(path, published.mark.encode("latin-1") + data[2:])


def serialized(content: Any) -> bytes:
    """What `torch.save` makes of it, the same bytes for the same values.

    A tensor that stands in several places, as the same object, is stored once.
    """
    buffer = io.BytesIO()
    torch.save(_canonical(content, {}), buffer)
    return buffer.getvalue()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as target:
        target.write(data)
        target.flush()
        os.fsync(target.fileno())
    temporary.replace(path)


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


def load_strictly(
    module: nn.Module, weights: Mapping[str, Tensor], source: str, may_lack: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Copy `weights` into `module` in its own precision.

    Args:
        source: the file's name, for errors.
        may_lack: parts of `module` (name prefixes) that keep what they have when the file lacks them.

    Returns:
        Names that the file lacks, all under `may_lack`.

    Raises:
        UserError: names or shapes that do not fit, the first few of them named.
    """
    own = module.state_dict()
    missing = _fit(own, weights, source, may_lack)
    module.load_state_dict({**own, **weights})
    return missing


def build_strictly(
    make: Callable[[], ModuleT],
    weights: Mapping[str, Tensor],
    source: str,
    may_lack: tuple[str, ...] = (),
) -> tuple[ModuleT, tuple[str, ...]]:
    """Make a module and load it as `load_strictly`, once its sizes are known to be those of the weights.

    A file whose settings lie about its sizes must not make the machine run out of memory.
    """
    with torch.device("meta"):
        _fit(make().state_dict(), weights, source, may_lack)
    module = make()
    return module, load_strictly(module, weights, source, may_lack)


def _fit(
    own: Mapping[str, Tensor], weights: Mapping[str, Tensor], source: str, may_lack: tuple[str, ...]
) -> tuple[str, ...]:
    missing = tuple(sorted(own.keys() - weights.keys()))
    problems = [f"{name} is missing" for name in missing if not name.startswith(may_lack or (" ",))]
    problems += [f"{name} is unknown" for name in sorted(weights.keys() - own.keys())]
    problems += [
        f"{name} is {list(weights[name].shape)} where {list(own[name].shape)} is expected"
        for name in sorted(own.keys() & weights.keys())
        if weights[name].shape != own[name].shape
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise UserError(
            f"{source}: {'; '.join(problems[:3])}{more}; the checkpoint is of another version or size"
        )
    return missing


def _restricted_load(path: Path) -> tuple[str, Any]:
    """The first two bytes, and the content, of which nothing was run."""
    buffer = io.BytesIO()
    try:
        with path.open("rb") as file:
            mark = file.read(2)
            # Looked at before the rest: a film that was given by mistake need not be read whole.
            if mark != ZIP_MARK and mark.decode("latin-1") not in MARKED_VERSIONS:
                if mark == _OLD_MARK:
                    raise UserError(
                        f"{path}: was saved by PyTorch before 1.6, whose form cannot be checked before it is "
                        "read; load it where you trust it and save it again with a newer PyTorch"
                    )
                found = f"begins with the bytes {mark.hex(' ')}" if mark else "is empty"
                raise UserError(f"{path}: {found}, so it is no checkpoint; give a .pth, .t7 or .ckpt file")
            buffer.write(ZIP_MARK)
            shutil.copyfileobj(file, buffer)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a checkpoint file") from error
    with _damage_named(path):
        with zipfile.ZipFile(buffer) as archive:
            members = archive.infolist()
        # torch stores as it is: what is larger unpacked than packed was not made by it.
        if sum(member.file_size for member in members) > buffer.tell():
            raise UserError(f"{path}: unpacks to more than its size, as no checkpoint does; do not use it")
        with torch.serialization.safe_globals(_ADMITTED):
            buffer.seek(0)
            refused = torch.serialization.get_unsafe_globals_in_checkpoint(buffer)
            if refused:
                raise UserError(
                    f"{path}: wants to run {', '.join(sorted(refused)[:3])}, which weights never need; "
                    "nothing was run. Get the file from a source you trust"
                )
            buffer.seek(0)
            content = torch.load(buffer, map_location="cpu", weights_only=True)
    return mark.decode("latin-1"), content


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """What torch and zipfile raise for a file that is cut short or altered, as one error."""
    try:
        yield
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
    ) as error:
        raise UserError(
            f"{path}: is cut short, damaged or no checkpoint ({_first_line(error)}); download it again"
        ) from error


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
    info = ""
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
    if (
        not isinstance(found, dict)
        or not found
        or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in found.items())
    ):
        raise UserError(f"{path}: has no table of weights; give a GPT-SoVITS checkpoint")
    return {_bare(name): tensor for name, tensor in found.items()}, config, str(info)


def _bare(name: str) -> str:
    """A name without the prefix that distributed training gives it."""
    return name.removeprefix("module.")


def _claimed_version(config: Mapping[str, Any]) -> str:
    model = config.get("model")
    return str(model.get("version", "")) if isinstance(model, dict) else ""


def _plain(value: Any) -> Any:
    """HParams as dicts and paths as text, all the way down."""
    if isinstance(value, _HyperParameters):
        value = vars(value)
    if isinstance(value, _StoredPath):
        return "/".join(value.parts)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _canonical(value: Any, copies: dict[int, Tensor]) -> Any:
    """The same values as objects that pickle tells apart in one way only.

    Pickle writes an object that it has met before as a reference, so two equal texts give other bytes than
    one text used twice; and a tensor that is a part of another would carry all of it.
    """
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, Tensor):
        if id(value) not in copies:
            copies[id(value)] = value.detach().clone(memory_format=torch.contiguous_format)
        return copies[id(value)]
    if isinstance(value, dict):
        return {_canonical(name, copies): _canonical(item, copies) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item, copies) for item in value]
    return value


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
