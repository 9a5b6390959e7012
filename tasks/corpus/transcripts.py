"""Transcript lists: what each says, line by line, whatever is wrong with single lines.

Lists are split into lines and fields by hand, never by a quoting CSV reader over the whole file: a lone
quotation mark in one text must not swallow the rows behind it.
"""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

AUDIO_SUFFIXES = frozenset((
    ".wav", ".wave", ".rf64", ".w64", ".flac", ".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus",
    ".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".aac", ".adts", ".webm", ".mka", ".mkv", ".aif",
    ".aiff", ".aifc", ".au", ".snd", ".caf", ".wma", ".amr",
))  # fmt: skip
MAX_LIST_BYTES = 64 << 20
MAX_ROWS = 1_000_000
MAX_TEXT_CHARACTERS = 250_000
"""An hour and a half of the fastest speech, the longest recording, holds fewer."""
MAX_REFERENCE_CHARACTERS = 1024
_SHOWN_CHARACTERS = 80

_LANGUAGES = {
    "zh": "zh", "all_zh": "zh", "cn": "zh", "en": "en", "ja": "ja", "jp": "ja", "all_ja": "ja",
    "ko": "ko", "kr": "ko", "all_ko": "ko", "yue": "yue", "all_yue": "yue", "ct": "yue",
}  # fmt: skip
TEXT_COLUMNS = (
    "normalized_text", "text", "transcription", "transcript", "sentence", "raw_text",
)  # fmt: skip
SPEAKER_COLUMNS = ("speaker", "speaker_id", "speaker_name", "client_id")
LANGUAGE_COLUMNS = ("language", "lang", "locale")
_HEADER_WORDS = frozenset(
    {"id", "file", "path", "wav", "audio", "audio_file", "file_name", "filename", "lang", "language"}
    | {"speaker", "speaker_id", "speaker_name", "text", "transcript", "normalized_text"}
)
_LINE_END = re.compile(r"\r\n|\n|\r")
_ENCODING_REMEDY = "save it as UTF-8, or name its encoding in corpus.encoding (such as latin-1)"
_PHONEME_MARKS = re.compile("[ˈˌː]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
# What turns the order of writing round; pages and terminals that show the text must not obey it.
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class ListError(Exception):
    """A transcript list that cannot be used as a whole.

    Attributes:
        code: `bad_metadata` or `encoding`.
        value: what was found.
        reason: one sentence with the line number where there is one.
        remedy: what the user can do.
    """

    def __init__(self, code: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.code = code
        self.value = str(value)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True)
class Entry:
    """One row of a list: `reference` names the recording as the list wrote it."""

    line: int
    reference: str
    text: str
    speaker: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class BadLine:
    """A row that says nothing usable; `code` is `bad_row` or `encoding`."""

    line: int
    value: str
    reason: str
    code: str = "bad_row"
    remedy: str = "correct the line"


@dataclass(frozen=True)
class Listing:
    """A whole list.

    Attributes:
        name: the list's file name.
        kind: `ljspeech`, `gpt-sovits`, `styletts2` or `huggingface`.
        entries: rows in order.
        bad_lines: rows that were refused on the spot.
    """

    name: str
    kind: str
    entries: Sequence[Entry]
    bad_lines: Sequence[BadLine]


def is_list_name(name: str) -> bool:
    """Whether a file of this name always is a transcript list."""
    lower = name.lower()
    return (
        lower in ("metadata.jsonl", "metadata.tsv")
        or lower.endswith((".list", ".parquet"))
        or (lower.startswith("metadata") and lower.endswith(".csv"))
    )


def looks_like_list(path: Path) -> bool:
    """Whether a `.txt` file holds `path|text|speaker` rows, as StyleTTS2's lists do.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(4096).split(b"\n")[0].decode("utf-8", "replace").lstrip("\ufeff")
    reference, separator, _ = first.partition("|")
    return bool(separator) and has_audio_suffix(reference.strip())


def has_audio_suffix(name: str) -> bool:
    """Whether a file name ends as recordings do."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower() in AUDIO_SUFFIXES


def read_list(path: Path, encoding: str) -> Listing:
    """Parse a transcript list of any of the known kinds; the content decides which.

    Raises:
        ListError: the list as a whole says nothing usable.
        OSError: it cannot be read.
    """
    read, undecodable = _lines(path, encoding)
    if len(read) > MAX_ROWS:
        raise ListError(
            "bad_metadata", len(read), f"{file_name(path)} has more than {MAX_ROWS} lines", "split it"
        )
    lines = [(n, line) for n, line in enumerate(read, 1) if line.strip()]
    listing = _read_rows(path, lines)
    return replace(listing, bad_lines=sorted([*listing.bad_lines, *undecodable], key=lambda bad: bad.line))


def _read_rows(path: Path, lines: Sequence[tuple[int, str]]) -> Listing:
    if not lines:
        raise ListError(
            "bad_metadata", "0 rows", f"{file_name(path)} is empty", "write `id|text` rows, or remove it"
        )
    if path.suffix.lower() == ".jsonl":
        return _listing(path, "huggingface", lines, _json_row)
    header = [name.strip().lower() for name in _split_csv(lines[0][1][:4096])]
    if "file_name" in header:
        return _listing(path, "huggingface", lines[1:], lambda line: _csv_row(line, header))
    return _piped(path, lines)


def read_sidecar(path: Path, encoding: str) -> str:
    """The text in a file beside its recording.

    Raises:
        ListError: it is not in the expected encoding, or absurdly long.
        OSError: it cannot be read.
    """
    lines, undecodable = _lines(path, encoding)
    if undecodable:
        bad = undecodable[0]
        raise ListError(
            "encoding", bad.value, f"{file_name(path)}, line {bad.line}: {bad.reason}", bad.remedy
        )
    text = " ".join(lines).removesuffix("\x1a")  # what ends a text file of DOS
    if _CONTROL.search(text):
        why = f"{file_name(path)} holds control characters"
        raise ListError("bad_row", legible(text), why, "save it as plain text, or remove it")
    return clean(text)


def clean(text: str) -> str:
    """One line, single spaces, no control characters."""
    return " ".join(_CONTROL.sub(" ", _DIRECTIONS.sub("", text)).split())


def file_name(path: Path) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def legible(value: str) -> str:
    """The beginning of a value as any page, terminal and table can show it."""
    start = value[:_SHOWN_CHARACTERS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)


def _lines(path: Path, encoding: str) -> tuple[list[str], list[BadLine]]:
    """A file's lines, and those of them that are in no good encoding, which are empty in the first.

    Raises:
        ListError: the file is too large, or as a whole in another encoding.
    """
    size = path.stat().st_size
    if size > MAX_LIST_BYTES:
        raise ListError("bad_metadata", size, f"{file_name(path)} is too large for a list", "split it")
    data = path.read_bytes()
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        return _LINE_END.split(data.decode(codec)), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        is_utf16 = encoding == "utf-16" or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        # In the others, line ends are what they are in ASCII.
        read = None if is_utf16 else _decoded_lines(data, codec, encoding)
        if read is not None:
            return read
        raise ListError(
            "encoding",
            data[error.start : error.start + 4].hex(" "),
            f"{file_name(path)}, line {line}: not {encoding.upper()}",
            "set corpus.encoding=utf-16" if is_utf16 and encoding != "utf-16" else _ENCODING_REMEDY,
        ) from error


def _decoded_lines(data: bytes, codec: str, encoding: str) -> tuple[list[str], list[BadLine]] | None:
    """As `_lines`; None where so many lines are undecodable that all are likely in another encoding."""
    lines: list[str] = []
    undecodable: list[BadLine] = []
    written = re.split(rb"\r\n|\n|\r", data)
    for number, line in enumerate(written, 1):
        try:
            lines.append(line.decode(codec))
        except UnicodeDecodeError as error:
            found = line[error.start : error.start + 4].hex(" ")
            why = f"not {encoding.upper()}"
            undecodable.append(BadLine(number, found, why, "encoding", _ENCODING_REMEDY))
            lines.append("")
    n_written = sum(bool(line.strip()) for line in written)
    n_bad = len(undecodable)
    return None if 2 * n_bad >= n_written or (n_bad >= 3 and 5 * n_bad >= n_written) else (lines, undecodable)


# -- LJSpeech, GPT-SoVITS, StyleTTS2


def _piped(path: Path, lines: Sequence[tuple[int, str]]) -> Listing:
    separator = "|"
    if not any("|" in line for _, line in lines) and all("\t" in line for _, line in lines):
        separator = "\t"
    table = [(number, line.split(separator)) for number, line in lines]
    if len(table) > 1 and {field.strip().lower() for field in table[0][1]} <= _HEADER_WORDS:
        lines, table = lines[1:], table[1:]
    widths = Counter(len(fields) for _, fields in table)
    if set(widths) == {1}:
        raise ListError(
            "bad_metadata",
            legible(lines[0][1]),
            f"{file_name(path)}, line {lines[0][0]}: no `|` separates an id from its text",
            "write `id|text` rows",
        )
    usual = widths.most_common(1)[0][0]
    if path.suffix.lower() == ".list" or _is_gpt_sovits(table):
        return _listing(path, "gpt-sovits", lines, lambda line: _gpt_sovits_row(line, separator))
    if path.suffix.lower() == ".txt" or _is_styletts2(table):
        listing = _listing(path, "styletts2", lines, lambda line: _styletts2_row(line, separator))
        _refuse_phonemes(path, listing)
        return listing
    return _listing(path, "ljspeech", lines, lambda line: _ljspeech_row(line, separator, usual))


def _is_gpt_sovits(table: Sequence[tuple[int, list[str]]]) -> bool:
    return all(len(f) >= 4 and f[2].strip().lower() in _LANGUAGES for _, f in table)


def _is_styletts2(table: Sequence[tuple[int, list[str]]]) -> bool:
    """`path|text|speaker` under another name: paths of recordings, and a last field of one word."""
    return all(
        len(f) >= 3 and has_audio_suffix(f[0].strip()) and len(f[-1].split()) == 1 and f[1] != f[-1]
        for _, f in table
    )


def _gpt_sovits_row(line: str, separator: str) -> Entry:
    fields = line.split(separator, 3)
    if len(fields) < 4:
        raise ValueError("fewer than four fields: `path|speaker|LANGUAGE|text`")
    path, speaker, language, text = (clean(field) for field in fields)
    return Entry(0, path, text, speaker or None, _language(language))


def _styletts2_row(line: str, separator: str) -> Entry:
    path, _, rest = line.partition(separator)
    if not rest:
        raise ValueError("fewer than two fields: `path|text|speaker`")
    text, found, speaker = rest.rpartition(separator)
    if not found:
        text, speaker = speaker, ""
    return Entry(0, path.strip(), clean(text), clean(speaker) or None)


def _ljspeech_row(line: str, separator: str, usual: int) -> Entry:
    reference, found, rest = line.partition(separator)
    if not found:
        raise ValueError(f"no `{separator}` separates an id from its text")
    fields = rest.split(separator)
    if usual == 2 or len(fields) == 1:
        return Entry(0, reference.strip(), clean(rest))
    if len(fields) % 2:
        raise ValueError(f"{len(fields) + 1} fields, where other rows have {usual}")
    # A bar inside the text is inside its normalised form too: the second half is the latter.
    half = len(fields) // 2
    text, normalized = (clean(separator.join(p)) for p in (fields[:half], fields[half:]))
    return Entry(0, reference.strip(), normalized or text)


def _refuse_phonemes(path: Path, listing: Listing) -> None:
    marked = sum(bool(_PHONEME_MARKS.search(entry.text)) for entry in listing.entries)
    if listing.entries and marked > len(listing.entries) / 2:
        raise ListError(
            "bad_metadata",
            legible(listing.entries[0].text),
            f"{file_name(path)} holds phonemes where text is wanted",
            "give the list with plain text: phonemes are made here",
        )


# -- Hugging Face dataset folders


def _split_csv(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _csv_row(line: str, header: Sequence[str]) -> Entry:
    fields = _split_csv(line)
    if len(fields) != len(header):
        raise ValueError(f"{len(fields)} fields, where the header names {len(header)}")
    return entry_of(dict(zip(header, fields, strict=True)), "file_name")


def _json_row(line: str) -> Entry:
    try:
        row = json.loads(line)
    except RecursionError as error:
        raise ValueError("brackets inside brackets, too many to read") from error
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    return entry_of(row, "file_name")


def entry_of(row: Mapping[str, Any], reference_column: str) -> Entry:
    """An entry from a table's row, by the column names that data sets commonly use.

    Raises:
        ValueError: it names no recording or no text column, or holds something else than text there.
    """
    reference = row.get(reference_column)
    if not isinstance(reference, str):
        raise ValueError(f"no {reference_column}")
    text = _first(row, TEXT_COLUMNS)
    if text is None:
        raise ValueError(f"none of the columns {', '.join(TEXT_COLUMNS)}")
    speaker, language = _first(row, SPEAKER_COLUMNS) or "", _first(row, LANGUAGE_COLUMNS) or ""
    for value in (reference, text, speaker, language):
        _require_characters(value)
    return Entry(0, reference.strip(), clean(text), clean(speaker) or None, _language(language))


def _first(row: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first of the columns that holds something; what pandas writes for nothing is NaN."""
    for name in names:
        value = row.get(name)
        if value is None or value != value:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(f"`{name}` holds no text but a {type(value).__name__}")
        return str(value)
    return None


def _require_characters(value: str) -> None:
    """Raises ValueError where a value holds what is no character of a text."""
    if _SURROGATE.search(value):
        raise ValueError("half of a surrogate pair (\\ud800 to \\udfff), which is no character")
    if _CONTROL.search(value):
        raise ValueError("control characters in the line")


def _language(code: str) -> str | None:
    lower = code.strip().lower()
    if lower in _LANGUAGES:
        return _LANGUAGES[lower]
    return lower[:2] if re.fullmatch(r"[a-z]{2}([-_][a-z]{2,4})?", lower) else None


def _listing(
    path: Path, kind: str, lines: Sequence[tuple[int, str]], parse: Callable[[str], Entry]
) -> Listing:
    entries, bad_lines = [], []
    for number, line in lines:
        try:
            _require_characters(line)
            entry = parse(line)
        except (ValueError, csv.Error) as error:
            bad_lines.append(BadLine(number, legible(line), str(error)))
            continue
        entries.append(Entry(number, entry.reference, entry.text, entry.speaker, entry.language))
    if not entries:
        first = bad_lines[0] if bad_lines else BadLine(lines[0][0] if lines else 1, "", "no rows")
        raise ListError(
            "bad_metadata",
            first.value,
            f"{file_name(path)}, line {first.line}: {first.reason}; no row can be used",
            "see docs/howto/recordings.md for the layouts that are read",
        )
    return Listing(file_name(path), kind, entries, bad_lines)
