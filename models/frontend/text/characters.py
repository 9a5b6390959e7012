"""Unicode to the few characters that front ends understand: words, eight punctuation marks, single spaces."""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import NamedTuple

MARKS = frozenset("!,-.:;?…")
_BY_STRENGTH = "-,;:….!?"

_MARK_OF = {
    "!": "!", "՜": "!",
    "?": "?", "؟": "?", "՞": "?",
    ".": ".", "。": ".", "।": ".", "॥": ".", "۔": ".", "።": ".", "։": ".", "။": ".",
    ",": ",", "、": ",", "،": ",", "፣": ",", "·": ",",
    ";": ";", "؛": ";",
    ":": ":",
    "…": "…",
    "—": "-", "–": "-", "―": "-", "~": "-", "〜": "-",
}  # fmt: skip
_APOSTROPHES = frozenset("'’‘ʼ＇`´")
_JOINERS = frozenset("\u200c\u200d")
_HYPHENS = frozenset("-‐‑")
# Words of their own, which espeak reads in each language; English, German and Chinese write them out before.
_SPOKEN_SIGNS = frozenset("%&+=€$£°§@")
# Kept where NFKC would make them digits: "10²" is not 102.
_SUPERSCRIPTS = frozenset("²³")
# Said by nobody, while NFKC writes letters.
_UNSPOKEN = frozenset("™℠")
_FRACTION_SLASH = "⁄"
_ELLIPSIS = re.compile(r"\.{2,}|。{2,}")


class Token(NamedTuple):
    """A word, or one of MARKS."""

    text: str
    is_mark: bool


def fold(text: str) -> str:
    """One spelling per character: typographic variants unified (NFKC), marks mapped, control characters gone.

    Never fails: lone surrogates, unassigned and private characters are dropped. Idempotent.
    """
    folded = "".join(_folded(character) for character in text)
    # What was dropped or decomposed may have brought neighbours together: these rules come last.
    folded = _ELLIPSIS.sub("…", unicodedata.normalize("NFC", folded))
    return re.sub(r"\s+", " ", folded).strip()


def _folded(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if character in _HYPHENS:
        return "-"
    if character in "…⋯":  # before NFKC, which writes three full stops
        return "…"
    if character in _JOINERS or character in _SUPERSCRIPTS:
        return character
    if character in _UNSPOKEN:
        return ""
    category = unicodedata.category(character)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if category[0] == "C":
        return ""
    spelled = unicodedata.normalize("NFKC", character)
    if spelled == character:
        return character
    # "2½" is no 21 halves.
    gap = " " if _FRACTION_SLASH in spelled else ""
    return gap + "".join(_folded(part) for part in spelled)


def is_word_character(character: str) -> bool:
    """Letters, digits, combining marks and joiners."""
    return unicodedata.category(character)[0] in "LMN" or character in _JOINERS


def is_han(character: str) -> bool:
    """Ideographs of all planes, and 〇."""
    return (
        "\u4e00" <= character <= "\u9fff"
        or "\u3400" <= character <= "\u4dbf"
        or "\U00020000" <= character <= "\U0003ffff"
        or "\uf900" <= character <= "\ufaff"
        or character == "〇"
    )


def tokenize(text: str) -> list[Token]:
    """Words and marks of folded text, in order.

    Hyphens and apostrophes: "well-known" is two words, "don't" one, " - " a mark. Quotation marks, brackets
    and pictures go. Marks before the first word go, runs of marks keep their strongest.
    """
    tokens: list[Token] = []
    word = ""
    for position, character in enumerate(text):
        following = text[position + 1] if position + 1 < len(text) else " "
        if is_word_character(character) or (character == "'" and word and is_word_character(following)):
            word += character
            continue
        joined = character == "-" and bool(word) and is_word_character(following)
        word = _finish(word, tokens)
        if character in _SPOKEN_SIGNS:
            tokens.append(Token(character, False))
            continue
        mark = "" if joined else _MARK_OF.get(character, "-" if character == "-" else "")
        if mark:
            _add_mark(mark, tokens)
    _finish(word, tokens)
    return tokens


def detokenize(tokens: list[Token], separator: str = " ") -> str:
    """Words joined by the separator, marks attached to the word before them ("yes, well - no.")."""
    out = ""
    for token in tokens:
        attached = token.is_mark and token.text != "-"
        out += token.text if not out or attached else separator + token.text
    return out


def _finish(word: str, tokens: list[Token]) -> str:
    if any(unicodedata.category(character)[0] in "LN" for character in word):
        tokens.append(Token(word, False))
    return ""


def _add_mark(mark: str, tokens: list[Token]) -> None:
    if not tokens:
        return
    if tokens[-1].is_mark:
        if _BY_STRENGTH.index(mark) > _BY_STRENGTH.index(tokens[-1].text):
            tokens[-1] = Token(mark, True)
        return
    tokens.append(Token(mark, True))


def clauses(tokens: list[Token]) -> list[tuple[bool, list[str]]]:
    """Runs of words and runs of marks, in order: (is_mark, texts)."""
    return [
        (is_mark, [token.text for token in run])
        for is_mark, run in itertools.groupby(tokens, key=lambda token: token.is_mark)
    ]
