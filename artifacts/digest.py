"""Digests: what two machines must agree on before they call two things the same.

Every digest is SHA-256 in hexadecimal. Structured values are digested in a canonical JSON form, so key
order and Python's own representation never matter; floats use their shortest round-trip form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

CHUNK_BYTES = 1 << 20


def of_bytes(data: bytes) -> str:
    """Digest of a byte string."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path) -> str:
    """Digest of a file's content, read in blocks.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return of_stream(stream)


def of_stream(stream: BinaryIO) -> str:
    """Digest of what is left in a stream, read in blocks."""
    state = hashlib.sha256()
    while block := stream.read(CHUNK_BYTES):
        state.update(block)
    return state.hexdigest()


def of_unchanged_file(path: Path) -> str:
    """Digest of a file's content, computed once per process for as long as it is the same, untouched file.

    Raises:
        OSError: the file cannot be read.
    """
    found = path.stat()
    return _of_stamped(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def of_value(value: Any) -> str:
    """Digest of a JSON-like value (bytes are digested first).

    Raises:
        TypeError: the value holds something with no canonical form.
    """
    return of_bytes(canonical_json(value).encode())


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    )


def of_parts(parts: Iterable[str]) -> str:
    """Digest of a sequence of digests or short strings."""
    state = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.hexdigest()


def of_rows(table: pa.Table) -> list[str]:
    """One digest per row of a table, independent of chunking and of the rows around it.

    A row is digested as its Arrow IPC message: two rows have one digest exactly when they have the same
    column names, types and values.
    """
    schema = pa.schema([pa.field(f.name, f.type) for f in table.schema])
    columns = [
        column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column for column in table.columns
    ]
    columns = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    head = hashlib.sha256(schema.serialize().to_pybytes())
    digests = []
    for index in range(table.num_rows):
        # `take` copies the one row into fresh buffers; a slice would drag its neighbours' bytes along.
        chosen = pa.array([index], pa.int64())
        row = pa.RecordBatch.from_arrays([c.take(chosen) for c in columns], schema=schema)
        state = head.copy()
        state.update(row.serialize().to_pybytes())
        digests.append(state.hexdigest())
    return digests


@cache
def _of_stamped(path: Path, device: int, inode: int, size_bytes: int, mtime_ns: int) -> str:
    del device, inode, size_bytes, mtime_ns  # they only tell one version of the file from the next
    return of_file(path)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"sha256": of_bytes(value)}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")
