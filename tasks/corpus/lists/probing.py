"""Whether a file that is called as many files are is a transcript list: its beginning names recordings."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.corpus.lists.headers import is_header
from tasks.corpus.lists.lines import encoding_of
from tasks.corpus.lists.names import Recordings, has_audio_suffix

_HEAD_BYTES = 64 << 10
_FIELDS = re.compile(r"[|\t,;]")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.){1,400})"')
_NOT_VALID = frozenset(("invalidated", "other", "reported"))


def is_list(path: Path, encoding: str, recordings: Recordings) -> bool:
    """Whether half of the first rows name recordings, or any does below a header.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_HEAD_BYTES)
    text = data.decode(encoding_of(data, encoding), "replace")
    if path.suffix.lower() in (".json", ".jsonl"):
        return any(recordings.named(value) for value in _QUOTED.findall(text))
    lines = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if len(data) == _HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut short
    if not lines:
        return False
    header = [name.strip().strip('"') for name in _FIELDS.split(lines[0])]
    naming = sum(_names_recording(line, recordings) for line in lines)
    if is_header(header):
        return naming > 0
    missing = path.suffix.lower() == ".txt" and _names_file(lines[0])
    return 2 * naming >= len(lines) or missing


def holds_refused(path: Path) -> bool:
    """Whether this is one of Common Voice's lists of clips that listeners have not found good.

    Raises:
        OSError: it cannot be read.
    """
    if path.stem.lower() not in _NOT_VALID or path.suffix.lower() != ".tsv":
        return False
    with path.open("rb") as file:
        return b"down_votes" in file.readline(4096)


def _names_recording(line: str, recordings: Recordings) -> bool:
    fields = _FIELDS.split(line[:4096])
    if len(fields) == 1:
        words = line[:4096].split(None, 1)
        return len(words) == 2 and recordings.named(words[0]) is not None
    return any(recordings.named(field) for field in fields[:8])


def _names_file(line: str) -> bool:
    """`path|text`, the recording's name first, as in the lists of StyleTTS 2 and VITS."""
    reference, separator, _ = line.partition("|")
    return bool(separator) and has_audio_suffix(reference.strip().strip("\ufeff\"'"))
