"""Text files as lines, in the encoding that they declare or that the settings name."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from tasks.corpus.lists.entries import (
    MAX_LIST_BYTES,
    MAX_ROWS,
    BadLine,
    ListError,
    clean,
    file_name,
    has_control,
    legible,
)

_LINE_END = re.compile(r"\r\n|\n|\r")
_REMEDY = "save it as UTF-8, or name its encoding in corpus.encoding (such as cp1252)"
# The marks of UTF-32 begin as those of UTF-16 do.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_lines(path: Path, encoding: str) -> tuple[list[str], list[BadLine]]:
    """A file's lines, and those of them that are in no good encoding, which are empty in the first.

    A byte order mark says the encoding whatever the settings say.

    Raises:
        ListError: the file is too large, or as a whole in another encoding.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_LIST_BYTES:
        raise ListError("bad_metadata", size, f"{file_name(path)} is too large for a list", "split it")
    data = path.read_bytes()
    codec = encoding_of(data, encoding)
    try:
        lines, undecodable = _LINE_END.split(data.decode(codec)), list[BadLine]()
    except UnicodeDecodeError as error:
        # In the others, line ends are what they are in ASCII.
        read = None if codec.startswith(("utf-16", "utf-32")) else _decoded_lines(data, codec, encoding)
        if read is None:
            raise _not_encoded(path, data, error, encoding) from error
        lines, undecodable = read
    if len(lines) > MAX_ROWS:
        many = f"{file_name(path)} has more than {MAX_ROWS} lines"
        raise ListError("bad_metadata", len(lines), many, "split it")
    return lines, undecodable


def encoding_of(data: bytes, encoding: str) -> str:
    """The codec of a file by its byte order mark, else the one that is expected."""
    return next((codec for mark, codec in _MARKS if data.startswith(mark)), encoding)


def read_whole(path: Path, encoding: str) -> str:
    """A whole text file with line ends as `\\n`.

    Raises:
        ListError: it is too large, or a line is not in the expected encoding.
        OSError: it cannot be read.
    """
    lines, undecodable = read_lines(path, encoding)
    if undecodable:
        bad = undecodable[0]
        raise ListError(
            "encoding", bad.value, f"{file_name(path)}, line {bad.line}: {bad.reason}", bad.remedy
        )
    return "\n".join(lines).removesuffix("\x1a")  # what ends a text file of DOS


def read_sidecar(path: Path, encoding: str) -> str:
    """The text in a file beside its recording.

    Raises:
        ListError: it is not in the expected encoding, or absurdly long.
        OSError: it cannot be read.
    """
    text = read_whole(path, encoding)
    if has_control(text):
        why = f"{file_name(path)} holds control characters"
        raise ListError("bad_row", legible(text), why, "save it as plain text, or remove it")
    return clean(text)


def _not_encoded(path: Path, data: bytes, error: UnicodeDecodeError, encoding: str) -> ListError:
    line = data.count(b"\n", 0, error.start) + 1
    found = data[error.start : error.start + 4].hex(" ")
    return ListError("encoding", found, f"{file_name(path)}, line {line}: not {encoding.upper()}", _REMEDY)


def _decoded_lines(data: bytes, codec: str, encoding: str) -> tuple[list[str], list[BadLine]] | None:
    """As `read_lines`; None where so many lines are undecodable that all are likely in another encoding."""
    lines: list[str] = []
    undecodable: list[BadLine] = []
    written = re.split(rb"\r\n|\n|\r", data.removeprefix(codecs.BOM_UTF8) if codec == "utf-8-sig" else data)
    codec = codec.removesuffix("-sig")
    for number, line in enumerate(written, 1):
        try:
            lines.append(line.decode(codec))
        except UnicodeDecodeError as error:
            found = line[error.start : error.start + 4].hex(" ")
            why = f"not {encoding.upper()}"
            undecodable.append(BadLine(number, found, why, "encoding", _REMEDY))
            lines.append("")
    n_written = sum(bool(line.strip()) for line in written)
    n_bad = len(undecodable)
    return None if 2 * n_bad >= n_written or (n_bad >= 3 and 5 * n_bad >= n_written) else (lines, undecodable)
