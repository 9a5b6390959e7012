"""What a transcript list is read into, and what no text may hold."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from configs import languages
from models.frontend.text.regions import regional

MAX_LIST_BYTES = 64 << 20
MAX_ROWS = 1_000_000
MAX_TEXT_CHARACTERS = 250_000
"""An hour and a half of the fastest speech, the longest recording, holds fewer."""
MAX_REFERENCE_CHARACTERS = 1024
_SHOWN_CHARACTERS = 80

_LANGUAGES = {
    "zh": "zh", "all_zh": "zh", "cn": "zh", "en": "en", "ja": "ja", "jp": "ja", "all_ja": "ja",
    "ko": "ko", "kr": "ko", "all_ko": "ko", "yue": "yue", "all_yue": "yue", "ct": "yue",
    "cmn": "zh", "zh-hk": "yue", "zh_hk": "yue",  # as Common Voice calls Cantonese
    "und": None, "mul": None, "mis": None, "zxx": None,  # codes for no single language
}  # fmt: skip
_CODE = re.compile(r"[a-z]{2}([-_]([a-z]{2,4}|\d{3}))?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
# What turns the order of writing round; pages and terminals that show the text must not obey it.
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class ListError(Exception):
    """A transcript list that cannot be used as a whole.

    Attributes:
        code: `bad_metadata`, `encoding`, `columns` (what its columns are is a question for the user),
            `no_text` (none of its columns is a text) or one of a text's own.
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
    """One row of a list: `reference` names the recording as the list wrote it.

    `start_s` and `end_s` (seconds; both or neither) say which stretch of the recording the row is about.
    """

    line: int
    reference: str
    text: str
    speaker: str | None = None
    language: str | None = None
    start_s: float | None = None
    end_s: float | None = None


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
        kind: the form's name: `ljspeech`, `gpt-sovits`, `styletts2`, `vits`, `piper`, `huggingface`, `json`
            or `table`.
        entries: rows in order.
        bad_lines: rows that were refused on the spot.
        warnings: what the user should know, without the list's name.
        are_paths: the rows name files, whose leading folders may be another machine's, rather than ids.
    """

    name: str
    kind: str
    entries: Sequence[Entry]
    bad_lines: Sequence[BadLine]
    warnings: Sequence[str] = ()
    are_paths: bool = True


def clean(text: str) -> str:
    """One line, single spaces, no control characters."""
    return " ".join(_CONTROL.sub(" ", _DIRECTIONS.sub("", text)).split())


def has_control(text: str) -> bool:
    """Whether a text holds what only binary files hold."""
    return _CONTROL.search(text) is not None


def require_characters(value: str) -> None:
    """Raises ValueError where a value holds what is no character of a text."""
    if _SURROGATE.search(value):
        raise ValueError("half of a surrogate pair (\\ud800 to \\udfff), which is no character")
    if _CONTROL.search(value):
        raise ValueError("control characters in the line")


@lru_cache(maxsize=1024)
def language_code(written: str) -> str | None:
    """The code of a language as lists write it (`ZH`, `JP`, `de-DE`, `German`); None for anything else.

    With the region where that is read otherwise (`pt-BR` is `pt-br`), else without (`de-AT` is `de`).
    """
    lower = written.strip().lower()
    if not lower or lower in _LANGUAGES:
        return _LANGUAGES.get(lower)
    if _CODE.fullmatch(lower):
        return regional(lower) or lower[:2]
    try:
        code = languages.language_code(lower)
    except ValueError:
        return None
    # What looks like a code and has no name is some other word.
    return code if languages.language_name(code) != code else None


def file_name(path: Path) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def legible(value: str) -> str:
    """The beginning of a value as any page, terminal and table can show it."""
    start = value[:_SHOWN_CHARACTERS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)
