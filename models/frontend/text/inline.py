"""Pronunciations inside a text: `[word](/phones/)`, as misaki and Markdown write it.

What stands between the slashes must be written with letters of phones; any other link, `[page](/a/b.html)`,
is ordinary text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_MARKUP = re.compile(r"\[([^\[\]\n]+)\]\(/([^/()\n]+)/\)")
_SCRIPTS = frozenset(("LATIN", "GREEK", "MODIFIER", "COMBINING"))
_SIGNS = frozenset(" ˈˌːˑ.'’|-‿_˥˦˧˨˩↗↘→↓")


class Inline(NamedTuple):
    """A word with its phones: where it stands in the text, and what stands there.

    said: with its slashes, as a lexicon has it.
    """

    start: int
    end: int
    word: str
    said: str


def inline_words(text: str) -> Iterator[Inline]:
    """Words of a text that have phones beside them, in order."""
    for match in _MARKUP.finditer(text):
        word = " ".join(match[1].split())
        if any(character.isalnum() for character in word) and _are_phones(match[2]):
            yield Inline(match.start(), match.end(), word, f"/{match[2].strip()}/")


def without_phones(text: str) -> str:
    """The text as people read it: words in the place of their markup."""
    if "](/" not in text:
        return text
    pieces: list[str] = []
    end = 0
    for found in inline_words(text):
        pieces += [text[end : found.start], found.word]
        end = found.end
    return "".join([*pieces, text[end:]])


def _are_phones(between: str) -> bool:
    return any(character.isalpha() for character in between) and all(map(_in_phones, between))


def _in_phones(character: str) -> bool:
    if character in _SIGNS or character in "0123456789":
        return True
    return unicodedata.name(character, "").split(" ", 1)[0] in _SCRIPTS
