"""JSON records: one text per value, a checksum in front, a shape that is checked when they are read.

A record that is cut short, changed, nested without end or of another shape is not half believed: reading it
raises one error, and whoever can make it again treats it as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from artifacts import digest

# Strict: a text is no number; unknown and missing fields are errors.
EXACT = ConfigDict(strict=True, extra="forbid")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern="^[0-9A-Za-z_]{1,128}$")]
"""Of a stage or key: part of a record's name, so nothing that could lead out of the store."""
Count = Annotated[int, Field(ge=0, lt=1 << 63)]

ShapeT = TypeVar("ShapeT")
_HEAD = re.compile(rb'\{"checksum":"([0-9a-f]{64})",?')


class RecordError(ValueError):
    """A record cannot be believed; the message says why, without its name."""


def encode(record: Mapping[str, Any], indent: int | None = None) -> bytes:
    """The record's text, with the SHA-256 of itself without the checksum as first entry.

    Args:
        indent: None for canonical JSON; else lines for people, and names in the order they are in.
    """
    body = digest.canonical_json(record)
    if indent is not None:
        body = json.dumps(record, indent=indent, ensure_ascii=False, allow_nan=False)
    comma = "," if record else ""
    return f'{{"checksum":"{digest.of_bytes(body.encode())}"{comma}{body[1:]}'.encode()


def decode(data: bytes, shape: TypeAdapter[ShapeT]) -> ShapeT:
    """The reverse of `encode`; a record without a checksum (older versions wrote none) counts by its shape.

    Raises:
        RecordError: it is not whole, or of another shape.
    """
    head = _HEAD.match(data)
    if head is not None:
        data = b"{" + data[head.end() :]
        if digest.of_bytes(data) != head[1].decode():
            raise RecordError("its checksum does not match, so it was changed or damaged")
    try:
        return shape.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"{where}: {first['msg']}" if where else first["msg"]) from error


def read_file(path: Path, shape: TypeAdapter[ShapeT]) -> ShapeT | None:
    """A record in a local file; None when there is none.

    Raises:
        RecordError: it is not whole, of another shape, or a folder lies in its place.
    """
    try:
        return decode(path.read_bytes(), shape)
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise RecordError("a folder lies where the record should be") from error
