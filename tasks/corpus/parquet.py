"""Hugging Face data sets whose recordings lie inside Parquet files (`audio: struct<bytes, path>`).

Rows are decoded one at a time: a page of a few bytes may stand for gigabytes, and what is wrong with one row
must not take the rows beside it. Columns that nobody asks for are not decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.corpus.transcripts import (
    LANGUAGE_COLUMNS,
    SPEAKER_COLUMNS,
    TEXT_COLUMNS,
    BadLine,
    Entry,
    ListError,
    entry_of,
    file_name,
)

AUDIO_COLUMN = "audio"
MAX_ROWS = 1_000_000
MAX_GROUP_BYTES = 1 << 30
_DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)


class Member(NamedTuple):
    """One recording of a Parquet file: row number, its bytes, and what the row says."""

    number: int
    data: bytes | None
    entry: Entry


def members(path: Path) -> Iterator[Member | BadLine]:
    """Every row, one at a time; `data` is None where the row only names a file.

    Raises:
        ListError: the file is no Parquet file, is damaged, or has no audio or text column.
    """
    try:
        file = pq.ParquetFile(path)
    except _DAMAGE as error:
        raise _unusable(path, f"no Parquet file: {_said(error)}") from error
    with file:
        columns = _columns(path, file)
        index = 0
        for group in range(file.num_row_groups):
            rows = _rows_of(file, group, columns)
            for _ in range(file.metadata.row_group(group).num_rows):
                try:
                    batch = next(rows)
                except (*_DAMAGE, StopIteration) as error:
                    raise _unusable(path, f"row {index} cannot be read: {_said(error)}") from error
                yield _member(path, index, batch)
                index += 1


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
    except _DAMAGE as error:
        raise OSError(f"{path} is no Parquet file any more: {_said(error)}") from error
    raise OSError(f"{path} holds fewer rows than before")


class _Group:
    """One row group, read forwards: rows are asked for in order, so each is decoded once."""

    def __init__(self, path: Path, group: int) -> None:
        self._path, self._group = path, group
        self._restart()

    def _restart(self) -> None:
        self._rows = _rows_of(pq.ParquetFile(self._path), self._group, [AUDIO_COLUMN])
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


def _rows_of(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    batches: Iterator[pa.RecordBatch] = file.iter_batches(
        batch_size=1, row_groups=[group], columns=list(columns), use_threads=False
    )
    return batches


def _columns(path: Path, file: pq.ParquetFile) -> list[str]:
    """The columns that are read; the file must have those that are needed, and no absurd size.

    Raises:
        ListError: it is otherwise.
    """
    schema, metadata = file.schema_arrow, file.metadata
    if len(set(schema.names)) != len(schema.names):
        raise _unusable(path, "two columns have the same name")
    if AUDIO_COLUMN not in schema.names:
        raise _unusable(path, f"no `{AUDIO_COLUMN}` column")
    kind = schema.field(AUDIO_COLUMN).type
    if not _holds_audio(kind):
        raise _unusable(
            path, f"`{AUDIO_COLUMN}` is {str(kind)[:80]}, not a path or a struct of bytes and path"
        )
    if metadata.num_rows == 0:
        raise _unusable(path, "no rows")
    if metadata.num_rows > MAX_ROWS:
        raise _unusable(path, f"{metadata.num_rows} rows, more than {MAX_ROWS}", "split it")
    wanted = [name for name in TEXT_COLUMNS if name in schema.names][:1]
    if not wanted:
        raise _unusable(path, f"none of the columns {', '.join(TEXT_COLUMNS)}")
    for names in (SPEAKER_COLUMNS, LANGUAGE_COLUMNS):
        wanted += [name for name in names if name in schema.names and _is_plain(schema.field(name).type)]
    if not _is_plain(schema.field(wanted[0]).type):
        raise _unusable(path, f"`{wanted[0]}` is {str(schema.field(wanted[0]).type)[:80]}, not text")
    largest = max(metadata.row_group(g).total_byte_size for g in range(metadata.num_row_groups))
    if largest > MAX_GROUP_BYTES:
        raise _unusable(
            path, f"a row group of {largest >> 20} MiB", "write it with smaller row groups (`row_group_size`)"
        )
    return [AUDIO_COLUMN, *wanted]


def _holds_audio(kind: pa.DataType) -> bool:
    if _is_text(kind):
        return True
    if not pa.types.is_struct(kind):
        return False
    fields = {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
    data, name = fields.get("bytes"), fields.get("path")
    known = data is not None or name is not None
    return known and (data is None or _is_binary(data)) and (name is None or _is_text(name))


def _is_binary(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
            pa.types.is_null,
        )
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)


def _is_plain(kind: pa.DataType) -> bool:
    return _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _member(path: Path, index: int, batch: pa.RecordBatch) -> Member | BadLine:
    try:
        (row,) = batch.to_pylist()
        return _read(path, index, row)
    except _DAMAGE as error:
        return BadLine(index + 1, "", _said(error), remedy="correct the row")


def _read(path: Path, index: int, row: dict[str, Any]) -> Member:
    audio = row[AUDIO_COLUMN]
    if isinstance(audio, str):
        audio = {"path": audio}
    if audio is None or (audio.get("bytes") is None and not audio.get("path")):
        raise ValueError("neither bytes nor a path of the recording")
    name = audio.get("path") or f"{path.stem}-{index:06d}"
    entry = entry_of({**row, AUDIO_COLUMN: name}, AUDIO_COLUMN)
    numbered = Entry(index + 1, entry.reference, entry.text, entry.speaker, entry.language)
    return Member(index, audio.get("bytes"), numbered)


def _said(error: BaseException) -> str:
    """The first line of what a library says, without what a terminal would obey."""
    lines = str(error).splitlines() or [type(error).__name__]
    return "".join(character for character in lines[0][:160] if character.isprintable())


def _unusable(
    path: Path,
    reason: str,
    remedy: str = "export the data set again with an `audio` and a `text` column",
) -> ListError:
    return ListError("bad_metadata", file_name(path), f"{file_name(path)}: {reason}", remedy)
