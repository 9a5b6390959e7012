"""Writing checkpoints as published ones are: equal content, equal bytes, whole or not at all."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from configs.errors import UserError
from models.published.reading import PublishedFile


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
