"""JSON manifests: one object a line (Hugging Face, NeMo), or one document that holds the rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.corpus.lists import headers
from tasks.corpus.lists.entries import (
    BadLine,
    Entry,
    ListError,
    clean,
    file_name,
    language_code,
    legible,
    require_characters,
)
from tasks.corpus.lists.headers import Role
from tasks.corpus.lists.tables import Line

TEXT_COLUMNS = ("normalized_text", "text", "transcription", "transcript", "sentence", "raw_text")

Row = tuple[int, Mapping[str, Any] | BadLine]


def json_rows(path: Path, lines: Sequence[Line]) -> list[Row]:
    """`(line, object)` of each row; the line of a row inside a document is its number.

    Raises:
        ListError: the file holds no rows.
    """
    if len(lines) > 1 or path.suffix.lower() == ".jsonl":
        read = [(number, _object(number, line)) for number, line in lines]
        if path.suffix.lower() == ".jsonl" or any(not isinstance(row, BadLine) for _, row in read):
            return read
    try:
        document = json.loads("\n".join(line for _, line in lines))
    except (ValueError, RecursionError) as error:
        said = "brackets inside brackets" if isinstance(error, RecursionError) else str(error)
        raise ListError(
            "bad_metadata", legible(lines[0][1]), f"{file_name(path)} is no JSON: {said}", "correct the file"
        ) from error
    return list(enumerate(_rows_of(path, document), 1))


def entries_of(rows: Iterable[Row]) -> tuple[list[Entry], list[BadLine]]:
    """What the rows say, by the names of their values."""
    entries, bad_lines = [], []
    for number, row in rows:
        if isinstance(row, BadLine):
            bad_lines.append(row)
            continue
        try:
            entries.append(_entry(number, row))
        except ValueError as error:
            bad_lines.append(BadLine(number, legible(_written(row)), str(error)))
    return entries, bad_lines


def first_of(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first of the columns that holds something; what pandas writes for nothing is NaN.

    Raises:
        ValueError: a value is no text and no number.
    """
    found = None
    for name in names:
        value = row.get(name)
        if value is None or value != value:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"`{name}` holds no text but a {type(value).__name__}")
        found = str(value)
        if found.strip():
            return found
    return found


def _object(number: int, line: str) -> Mapping[str, Any] | BadLine:
    try:
        require_characters(line)
        row = json.loads(line)
    except RecursionError:
        return BadLine(number, legible(line), "brackets inside brackets, too many to read")
    except ValueError as error:
        return BadLine(number, legible(line), str(error))
    return row if isinstance(row, dict) else BadLine(number, legible(line), "not a JSON object")


def _rows_of(path: Path, document: object) -> list[Mapping[str, Any] | BadLine]:
    """Rows of `[{...}]`, of `{"data": [{...}]}`, of `{"a.wav": "text"}` and of `{"a.wav": {...}}`."""
    if isinstance(document, dict):
        inside = [value for value in document.values() if isinstance(value, list) and value]
        if headers.is_header(list(document)):
            document = [document]
        elif len(inside) == 1 and all(isinstance(row, dict) for row in inside[0]):
            document = inside[0]
        elif document and all(isinstance(value, str) for value in document.values()):
            document = [{"file_name": name, "text": text} for name, text in document.items()]
        elif document and all(isinstance(value, dict) for value in document.values()):
            document = [{"file_name": name} | value for name, value in document.items()]
    if not isinstance(document, list):
        what = f"{file_name(path)} holds no list of rows"
        raise ListError("bad_metadata", type(document).__name__, what, "write one JSON object per recording")
    return [
        row if isinstance(row, dict) else BadLine(number, legible(repr(row)), "not a JSON object")
        for number, row in enumerate(document, 1)
    ]


def _entry(number: int, row: Mapping[str, Any]) -> Entry:
    keys = list(row)
    named = [name for at in headers.ranked(keys, Role.ID) if _reference(row[name := keys[at]]) is not None]
    if not named:
        raise ValueError("no file_name, audio_filepath, path or other name of the recording")
    texts = [keys[at] for role in (Role.TEXT, Role.RAW) for at in headers.ranked(keys, role)]
    text = first_of(row, texts)
    if text is None:
        held = legible(", ".join(keys))
        raise ValueError(f"none of the columns {', '.join(TEXT_COLUMNS)}; it has {held}")
    reference = _reference(row[named[0]]) or ""
    speaker = first_of(row, _named(keys, Role.SPEAKER)) or ""
    language = first_of(row, _named(keys, Role.LANGUAGE)) or ""
    for value in (reference, text, speaker, language):
        require_characters(value)
    start_s, end_s = stretch(
        *(first_of(row, _named(keys, role)) for role in (Role.START, Role.END, Role.DURATION))
    )
    return Entry(
        number,
        reference.strip(),
        clean(text),
        clean(speaker) or None,
        language_code(language),
        start_s,
        end_s,
    )


def _named(keys: Sequence[str], role: Role) -> list[str]:
    return [keys[at] for at in headers.ranked(keys, role)]


def _reference(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) else None


def stretch(start: str | None, end: str | None, duration: str | None) -> tuple[float | None, float | None]:
    """Start and end in seconds of the stretch that a row is about; None for the whole recording.

    Raises:
        ValueError: a value is no time, or the end is not behind the start.
    """
    if not start or not (end or duration):
        return None, None
    start_s = _seconds(start)
    end_s = _seconds(end) if end else start_s + _seconds(duration or "")
    if end_s <= start_s:
        raise ValueError(f"the stretch ends at {end_s:g} s and starts at {start_s:g} s")
    return start_s, end_s


def _seconds(written: str) -> float:
    try:
        seconds = float(written.replace(",", "."))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < 1e6:
        raise ValueError(f"{written[:40]!r} is no time in seconds")
    return seconds


def _written(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)[:400]
