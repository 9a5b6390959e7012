"""Reading and writing the checkpoint files that GPT-SoVITS publishes, without running what they contain.

Both networks come as `torch.save` of {"weight": {name: fp16 tensor}, "config": ..., "info": str}. From v2Pro
on the first two bytes, `PK` of a zip file, are replaced by a version mark. A SoVITS file's config may be a
pickled `utils.HParams`, which is admitted as a plain holder of values; any other class is refused.

Source: GPT-SoVITS `process_ckpt.py` and `utils.py`.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from configs.errors import UserError

ZIP_MARK = b"PK"


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


def read_published(path: Path) -> PublishedFile:
    """Read a checkpoint, on the CPU.

    Raises:
        UserError: the file is missing, damaged, holds a class that is not admitted, or has no weights.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a checkpoint file") from error
    try:
        with torch.serialization.safe_globals(
            [(_HyperParameters, "utils.HParams"), (_HyperParameters, "GPT_SoVITS.utils.HParams")]
        ):
            content = torch.load(io.BytesIO(ZIP_MARK + data[2:]), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise UserError(
            f"{path}: is damaged or holds more than weights and settings ({_first_line(error)}); "
            "download it again from a source you trust"
        ) from error
    weights = content.get("weight") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise UserError(f"{path}: has no table of weights; give a GPT-SoVITS checkpoint")
    config = _plain(content.get("config", {}))
    return PublishedFile(
        mark=data[:2].decode("latin-1"),
        weights=dict(weights),
        config=config if isinstance(config, dict) else {},
        info=str(content.get("info", "")),
    )


def write_published(path: Path, published: PublishedFile) -> None:
    """Write a checkpoint that GPT-SoVITS reads; weights are stored in fp16."""
    buffer = io.BytesIO()
    weights = {name: tensor.detach().cpu().half() for name, tensor in published.weights.items()}
    torch.save({"weight": weights, "config": published.config, "info": published.info}, buffer)
    path.write_bytes(published.mark.encode("latin-1") + buffer.getvalue()[2:])


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
    module.load_state_dict({**own, **weights})
    return missing


def _plain(value: Any) -> Any:
    """HParams as dicts, all the way down."""
    if isinstance(value, _HyperParameters):
        value = vars(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
