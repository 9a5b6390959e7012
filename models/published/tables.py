"""Safetensors files: a header in JSON that describes every tensor, then their numbers without gaps."""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from configs.errors import UserError
from models.published.limits import (
    MAX_DIMENSIONS,
    MAX_DIRECTORY_BYTES,
    UnusableError,
    damaged,
    excessive,
    require_name,
)

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_METADATA = "__metadata__"


def read_table(path: Path, remedy: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.

    Args:
        remedy: What to do where it cannot be read, for the message.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            check_header(file)
        return load_file(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); {remedy}") from error
    except UnusableError as error:
        raise UserError(f"{path}: {error.problem}; {remedy}") from error
    except SafetensorError as error:
        raise UserError(f"{path}: {error}; {remedy}") from error


def check_header(file: BinaryIO) -> None:
    """Refuse a header that contradicts itself or the file.

    Raises:
        UnusableError: what does not hold.
    """
    total = file.seek(0, 2)
    file.seek(0)
    head = file.read(8)
    length = struct.unpack("<Q", head)[0] if len(head) == 8 else total
    if length + 8 > total:
        raise damaged("its header is longer than the file")
    if length > MAX_DIRECTORY_BYTES:
        raise excessive(f"holds a header of {length} bytes")
    try:
        header = json.loads(file.read(length), object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise damaged("its header nests too deeply") from error
    except ValueError as error:
        raise damaged(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise damaged("its header is no table")
    spans = sorted(_span(name, entry) for name, entry in header.items() if name != _METADATA)
    at = 0
    for begin, end in spans:
        if begin != at:
            raise damaged("its tensors overlap or leave gaps")
        at = end
    if at != total - 8 - length:
        raise damaged(f"it holds {total - 8 - length} bytes of numbers where its header says {at}")


def _span(name: str, entry: Any) -> tuple[int, int]:
    """First byte and end of a tensor's numbers."""
    require_name(name)
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, span = _DTYPES.get(str(entry.get("dtype"))), entry.get("shape"), entry.get("data_offsets")
    if dtype is None:
        raise damaged(f"{name} has the type {str(entry.get('dtype'))[:20]!r}, which weights do not have")
    if not _sizes(shape, MAX_DIMENSIONS) or not _sizes(span, 2) or len(span) != 2:
        raise damaged(f"{name} has no shape or place")
    if prod(shape) * dtype.itemsize != span[1] - span[0]:
        raise damaged(f"{name} claims the shape {shape} in {span[1] - span[0]} bytes")
    return span[0], span[1]


def _sizes(value: Any, most: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(type(n) is int and 0 <= n < 1 << 62 for n in value)
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name is there twice")
    return table
