"""Words and texts that are written in capitals."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]+")
# Numerals in a text of capitals ("HENRY VIII"); "VI", "XI" and "MIX" are words of some language.
_NUMERAL = re.compile(r"II|III|IV|VII|VIII|IX|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXI")
_VOWELS = frozenset("aeiouyаеёиоуыэюяіїєαεηιουω")
# A single word in capitals of fewer letters may be an abbreviation that is the whole text.
_LONE_WORD = 5
# I and İ are two letters of these languages, with small letters of their own.
_DOTTED = frozenset(("tr", "az"))
_SMALL_DOTS = str.maketrans("Iİ", "ıi")
_SHORT, _WORD_LETTERS, _WORDS = 4, 3, 2


def lower_capitals(text: str, kept: frozenset[str] = frozenset(), language: str = "") -> str:
    """A text whose letters are all capitals in lower case, as such transcripts are words and not letters.

    language: base code, for those with small letters of their own.
    A single short word stays as it is ("USA"), and so do `kept` words and Roman numerals. Languages without
    case are never changed.
    """
    if text == text.lower() or not all(letter.isupper() for letter in text if letter.isalpha()):
        return text
    written = _WORD.findall(text)
    if (
        sum(len(word) >= _WORD_LETTERS for word in written) < _WORDS
        and max(map(len, written), default=0) < _LONE_WORD
    ):
        return text
    return _WORD.sub(lambda match: _lowered(match[0], kept, language), text)


def _lowered(word: str, kept: frozenset[str], language: str) -> str:
    if word in kept or _NUMERAL.fullmatch(word):
        return word
    return (word.translate(_SMALL_DOTS) if language in _DOTTED else word).lower()


def is_readable(word: str) -> bool:
    """Whether a word has vowels between its consonants, so that people read it and do not spell it."""
    plain = "".join(unicodedata.normalize("NFD", letter)[0] for letter in word.lower())
    sounds = "".join("v" if letter in _VOWELS else "c" for letter in re.sub("sch|ch|sz|cz|ph|th", "c", plain))
    most = 2 if len(word) <= _SHORT else 3
    return "v" in sounds and "c" in sounds and all(len(run) <= most for run in re.findall(r"v+|c+", sounds))
