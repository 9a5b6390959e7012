"""Recordings that lie inside Parquet files: one row's bytes.

Rows are decoded one at a time: a page of a few bytes may stand for gigabytes, and what is wrong with one row
must not take the rows beside it. Columns that nobody asks for are not decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

AUDIO_COLUMN = "audio"
DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What pyarrow raises for files that are broken in one way or another."""


def read_member(path: Path, index: int) -> bytes:
    """The bytes of one row's recording.

    Raises:
        OSError: the file cannot be read, or no longer holds that row.
    """
    try:
        with pq.ParquetFile(path) as file:
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        for group, size in enumerate(sizes):
            if index < size:
                return _opened(path, group).read(index)
            index -= size
    except DAMAGE as error:
        raise OSError(f"{path} is no Parquet file any more: {said(error)}") from error
    raise OSError(f"{path} holds fewer rows than before")


class _Group:
    """One row group, read forwards: rows are asked for in order, so each is decoded once."""

    def __init__(self, path: Path, group: int) -> None:
        self._path, self._group = path, group
        self._restart()

    def _restart(self) -> None:
        self._rows = rows_of(pq.ParquetFile(self._path), self._group, [AUDIO_COLUMN])
        self._next = 0

    def read(self, index: int) -> bytes:
        if index < self._next:
            self._restart()
        for batch in self._rows:
            self._next += 1
            if self._next > index:
                data = batch.column(0)[0].as_py()["bytes"]
                return bytes(data)
        raise OSError(f"{self._path} holds fewer rows than before")


@lru_cache(maxsize=1)
def _opened(path: Path, group: int) -> _Group:
    return _Group(path, group)


def rows_of(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows of one row group, one at a time."""
    batches: Iterator[pa.RecordBatch] = file.iter_batches(
        batch_size=1, row_groups=[group], columns=list(columns), use_threads=False
    )
    return batches


def said(error: BaseException) -> str:
    """The first line of what a library says, without what a terminal would obey."""
    lines = str(error).splitlines() or [type(error).__name__]
    return "".join(character for character in lines[0][:160] if character.isprintable())
