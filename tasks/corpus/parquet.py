"""Hugging Face data sets whose recordings lie inside Parquet files (`audio: struct<bytes, path>`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.corpus.transcripts import Entry, ListError, entry_of

AUDIO_COLUMN = "audio"
_BATCH_ROWS = 32


class Member(NamedTuple):
    """One recording of a Parquet file: row number, its bytes, and what the row says."""

    number: int
    data: bytes | None
    entry: Entry


def members(path: Path) -> Iterator[Member]:
    """Every row, a few at a time; `data` is None where the row only names a file.

    Raises:
        ListError: the file is no Parquet file, or has no audio or text column.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unusable(path, f"no Parquet file: {str(error).splitlines()[0][:120]}") from error
    with file:
        if AUDIO_COLUMN not in file.schema_arrow.names:
            raise _unusable(path, f"no `{AUDIO_COLUMN}` column")
        index = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for row in batch.to_pylist():
                    yield _member(path, index, row)
                    index += 1
        except (pa.ArrowInvalid, OSError, ValueError) as error:
            raise _unusable(path, f"row {index}: {str(error).splitlines()[0][:120]}") from error


def read_member(path: Path, index: int) -> bytes:
    """The bytes of one row's recording.

    Raises:
        OSError: the file cannot be read, or no longer holds that row.
    """
    try:
        with pq.ParquetFile(path) as file:
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
    except pa.ArrowInvalid as error:
        raise OSError(f"{path} is no Parquet file any more") from error
    for group, size in enumerate(sizes):
        if index < size:
            data: bytes = _row_group(path, group)[index].as_py()["bytes"]
            return data
        index -= size
    raise OSError(f"{path} holds fewer rows than before")


@lru_cache(maxsize=1)
def _row_group(path: Path, group: int) -> pa.ChunkedArray:
    """Rows come in order, so one row group is read once, not once per row."""
    with pq.ParquetFile(path) as file:
        return file.read_row_group(group, columns=[AUDIO_COLUMN]).column(AUDIO_COLUMN)


def _member(path: Path, index: int, row: dict[str, Any]) -> Member:
    audio = row[AUDIO_COLUMN]
    if isinstance(audio, str):
        audio = {"path": audio}
    if not isinstance(audio, dict):
        raise ValueError(f"`{AUDIO_COLUMN}` is neither a path nor a struct of bytes and path")
    data = audio.get("bytes")
    name = audio.get("path") or f"{path.stem}-{index:06d}"
    entry = entry_of({**row, AUDIO_COLUMN: name}, AUDIO_COLUMN)
    if data is None and not audio.get("path"):
        raise ValueError("neither bytes nor a path of the recording")
    numbered = Entry(index + 1, entry.reference, entry.text, entry.speaker, entry.language)
    return Member(index, data, numbered)


def _unusable(path: Path, reason: str) -> ListError:
    return ListError(
        "bad_metadata",
        path.name,
        f"{path.name}: {reason}",
        "export the data set again with an `audio` and a `text` column",
    )
