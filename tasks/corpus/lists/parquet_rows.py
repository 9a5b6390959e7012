"""Hugging Face data sets whose recordings lie inside Parquet files (`audio: struct<bytes, path>`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.corpus.lists.entries import (
    MAX_ROWS,
    BadLine,
    Entry,
    ListError,
    clean,
    file_name,
    language_code,
    require_characters,
)
from tasks.corpus.lists.json_rows import TEXT_COLUMNS, first_of
from tasks.corpus.parquet import AUDIO_COLUMN, DAMAGE, rows_of, said

SPEAKER_COLUMNS = ("speaker", "speaker_id", "speaker_name", "client_id")
LANGUAGE_COLUMNS = ("language", "lang", "locale")
MAX_GROUP_BYTES = 1 << 30


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
    except DAMAGE as error:
        raise _unusable(path, f"no Parquet file: {said(error)}") from error
    with file:
        columns = _columns(path, file)
        index = 0
        for group in range(file.num_row_groups):
            rows = rows_of(file, group, columns)
            for _ in range(file.metadata.row_group(group).num_rows):
                try:
                    batch = next(rows)
                except (*DAMAGE, StopIteration) as error:
                    raise _unusable(path, f"row {index} cannot be read: {said(error)}") from error
                yield _member(path, index, batch)
                index += 1


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
    except DAMAGE as error:
        return BadLine(index + 1, "", said(error), remedy="correct the row")


def _read(path: Path, index: int, row: dict[str, Any]) -> Member:
    audio = row[AUDIO_COLUMN]
    if isinstance(audio, str):
        audio = {"path": audio}
    if audio is None or (audio.get("bytes") is None and not audio.get("path")):
        raise ValueError("neither bytes nor a path of the recording")
    name = audio.get("path") or f"{path.stem}-{index:06d}"
    entry = _entry_of({**row, AUDIO_COLUMN: name}, AUDIO_COLUMN)
    numbered = Entry(index + 1, entry.reference, entry.text, entry.speaker, entry.language)
    return Member(index, audio.get("bytes"), numbered)


def _entry_of(row: Mapping[str, Any], reference_column: str) -> Entry:
    """An entry from a table's row, by the column names that data sets commonly use.

    Raises:
        ValueError: it names no recording or no text column, or holds something else than text there.
    """
    reference = row.get(reference_column)
    if not isinstance(reference, str):
        raise ValueError(f"no {reference_column}")
    text = first_of(row, TEXT_COLUMNS)
    if text is None:
        raise ValueError(f"none of the columns {', '.join(TEXT_COLUMNS)}")
    speaker, language = first_of(row, SPEAKER_COLUMNS) or "", first_of(row, LANGUAGE_COLUMNS) or ""
    for value in (reference, text, speaker, language):
        require_characters(value)
    return Entry(0, reference.strip(), clean(text), clean(speaker) or None, language_code(language))


def _unusable(
    path: Path,
    reason: str,
    remedy: str = "export the data set again with an `audio` and a `text` column",
) -> ListError:
    return ListError("bad_metadata", file_name(path), f"{file_name(path)}: {reason}", remedy)
