"""Lines of a list as rows of fields: what separates them, and which quotation marks belong to the form.

A lone quotation mark in one text must not swallow the rows behind it: a quoted field goes on in the next
lines only where they are no rows themselves and one of them ends it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.corpus.lists.entries import BadLine, legible, require_characters
from tasks.corpus.lists.headers import is_header
from tasks.corpus.lists.names import Recordings, has_audio_suffix

SPACE = " "
_SEPARATORS = ("|", "\t", ",", ";")
_SAMPLE = 500
_MOST_LINES_OF_A_TEXT = 20
_UNCLOSED = "a quotation mark opens a text, and it cannot be told where it ends"

Line = tuple[int, str]


class Record(NamedTuple):
    """One row: its first line's number, its fields, and the row as it was written."""

    line: int
    fields: list[str]
    written: str


@dataclass(frozen=True)
class Table:
    """The rows of a list.

    Attributes:
        separator: what stands between fields.
        header: the names of the columns, or None.
        records: rows in order, the header left out.
        bad_lines: rows that cannot be split.
        width: the usual number of fields.
    """

    separator: str
    header: Sequence[str] | None
    records: Sequence[Record]
    bad_lines: Sequence[BadLine]
    width: int


class NoTableError(ValueError):
    """Lines without anything that separates an id from its text."""


def split(lines: Sequence[Line], recordings: Recordings) -> Table:
    """Rows of fields out of the lines of a list that are not blank.

    Raises:
        NoTableError: nothing separates fields.
    """
    separator = _separator(lines, recordings)
    first = [field.strip() for field in fields_of(lines[0][1], separator, True)]
    header = first if _names_columns(first, recordings) else None
    body = lines[1:] if header is not None and len(lines) > 1 else lines
    header = None if body is lines else header
    quoted = _is_quoted(body, separator, recordings)
    records, bad_lines = [], []
    for found in _records(body, separator, quoted, header, recordings):
        if isinstance(found, BadLine):
            bad_lines.append(found)
        else:
            records.append(found)
    width = len(header) if header is not None else _usual_width(records)
    if width < 2 and header is None:
        raise NoTableError
    return Table(separator, header, records, bad_lines, width)


def fields_of(line: str, separator: str, quoted: bool) -> list[str]:
    """One line's fields.

    Raises:
        csv.Error: a field of more than 128 KiB in a quoted form.
    """
    if separator == SPACE:
        return line.strip().split(None, 1)
    if quoted and '"' in line:
        return next(csv.reader([line], delimiter=separator), [])
    return line.split(separator)


def names_recording(field: str, recordings: Recordings) -> bool:
    """Whether a field names a recording of the set, or one that the set lacks by the name of a file."""
    name = field.strip().strip("\"'")
    # A tab inside it: these are fields of a table that tabs divide.
    return recordings.named(field) is not None or ("\t" not in name and has_audio_suffix(name))


def _separator(lines: Sequence[Line], recordings: Recordings) -> str:
    sample = [line for _, line in lines[:_SAMPLE]]
    headed = [s for s in _SEPARATORS if _names_columns(_safe_fields(sample[0][:4096], s), recordings)]
    if headed:
        return max(headed, key=lambda s: sample[0].count(s))
    naming = {s: sum(_names_one(line, s, recordings) for line in sample) for s in (*_SEPARATORS, SPACE)}
    best = max(naming, key=lambda s: naming[s])
    if 2 * naming[best] >= len(sample):
        return best
    # None names recordings that are here: the forms that lists have when their recordings are missing.
    if any("|" in line for line in sample):
        return "|"
    if all("\t" in line for line in sample):
        return "\t"
    raise NoTableError


def _names_one(line: str, separator: str, recordings: Recordings) -> bool:
    fields = _safe_fields(line, separator)
    if separator == SPACE:
        return len(fields) == 2 and names_recording(fields[0], recordings)
    return len(fields) > 1 and any(names_recording(field, recordings) for field in fields[:8])


def _names_columns(fields: Sequence[str], recordings: Recordings) -> bool:
    names = [field.strip() for field in fields]
    return is_header(names) and not any(recordings.named(name) for name in names)


def _safe_fields(line: str, separator: str) -> list[str]:
    try:
        return fields_of(line, separator, True)
    except csv.Error:
        return line.split(separator)


def _is_quoted(lines: Sequence[Line], separator: str, recordings: Recordings) -> bool:
    """Whether quotation marks around fields belong to the form (as of spreadsheets), not to the texts."""
    if separator in (",", ";"):
        return True
    if separator == SPACE:
        return False
    mark = re.escape(separator)
    first_field = re.compile(rf'\s*"[^"{mark}]+"\s*{mark}')
    opened = re.compile(rf'{mark}"[^"]*$')
    for (_, line), (_, following) in zip(lines, [*lines[1:], (0, "")], strict=True):
        if '"' not in line:
            continue
        if first_field.match(line) or _needs_marks(line, separator):
            return True
        if opened.search(line) and following and not _is_row(following, separator, 0, recordings):
            return True
    return False


def _needs_marks(line: str, separator: str) -> bool:
    """Whether a field between marks holds a doubled mark or what separates fields."""
    for opening in re.finditer(rf'(?:^|{re.escape(separator)})"', line):
        closing = _closing(line, opening.end(), separator)
        if closing is None:
            return False
        inside = line[opening.end() : closing]
        if '""' in inside or separator in inside:
            return True
    return False


def _records(
    lines: Sequence[Line],
    separator: str,
    quoted: bool,
    header: Sequence[str] | None,
    recordings: Recordings,
) -> Iterator[Record | BadLine]:
    at = 0
    while at < len(lines):
        number, line = lines[at]
        taken = 1
        try:
            require_characters(line)
            if quoted and '"' in line and _is_open(line, separator):
                taken, line = _closed(lines[at:], separator, len(header or ()), recordings)
            fields = [line_of_text(field) for field in fields_of(line, separator, quoted)]
            yield Record(number, fields, line)
        except (ValueError, csv.Error) as error:
            yield BadLine(number, legible(line), str(error))
        at += taken


def line_of_text(field: str) -> str:
    """A field that may have been several lines as one."""
    return field.replace("\n", " ")


def _closed(lines: Sequence[Line], separator: str, width: int, recordings: Recordings) -> tuple[int, str]:
    """How many lines a row takes whose quotation mark the first of them opens, and the row.

    Raises:
        ValueError: it cannot be told.
    """
    first = joined = lines[0][1]
    for taken, (_, line) in enumerate(lines[1:_MOST_LINES_OF_A_TEXT], 2):
        if _is_row(line, separator, width, recordings):
            return _without_end(taken, first)
        joined = f"{joined}\n{line}"
        if '"' in line and not _is_open(joined, separator):
            if _is_whole(joined, separator, width):
                return taken, joined
            break
    return _without_end(len(lines) + 1, first)


def _without_end(taken: int, first: str) -> tuple[int, str]:
    """A mark that opens nothing: the row ends with its line, where another row or the list's end follows."""
    if taken > 2:
        raise ValueError(_UNCLOSED)
    return 1, first


def _is_row(line: str, separator: str, width: int, recordings: Recordings) -> bool:
    fields = _safe_fields(line, separator)
    if len(fields) < 2 or (width and len(fields) != width):
        return False
    if recordings:
        return any(names_recording(field, recordings) for field in fields)
    return SPACE not in fields[0].strip()


def _is_whole(joined: str, separator: str, width: int) -> bool:
    found = next(csv.reader([joined], delimiter=separator), [])
    return not width or len(found) == width


def _is_open(line: str, separator: str) -> bool:
    """Whether the line ends inside a quoted field."""
    at = 0
    while at < len(line):
        if line[at] == '"':
            closing = _closing(line, at + 1, separator)
            if closing is None:
                return True
            at = closing + 1
        following = line.find(separator, at)
        if following < 0:
            return False
        at = following + 1
    return False


def _closing(line: str, start: int, separator: str) -> int | None:
    """Where the mark stands that closes a field: not doubled, and the last of its field."""
    at = line.find('"', start)
    while at >= 0:
        if line[at + 1 : at + 2] == '"':
            at = line.find('"', at + 2)
        elif line[at + 1 : at + 2] in ("", separator, "\n"):
            return at
        else:
            at = line.find('"', at + 1)
    return None


def _usual_width(records: Sequence[Record]) -> int:
    widths = Counter(len(record.fields) for record in records)
    most = max(widths.values(), default=0)
    return min((width for width, count in widths.items() if count == most), default=0)
