"""A lexicon: words with pronunciations of one's own, and where they stand in a text.

A word is found whole, and the longest one first. Capitals count only for entries with one inside a word
("iPhone", "US"); kinds of apostrophes, hyphens and white space never do.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.frontend.language import script_of
from models.frontend.text.mixing import language_of_letter
from models.frontend.text.phonemized import base_language

FILE = "lexicon.tsv"
"""Its name in a workspace and in the folder of an exported voice."""

_APOSTROPHES = frozenset("'’‘ʼ＇`´")
_HYPHENS = frozenset("-‐‑")
_UNSPACED = frozenset(
    ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
)
_ELIDING = frozenset(("fr", "it", "ca"))


class Entry(NamedTuple):
    """A word and how it is said.

    Attributes:
        written: One or several words, parted by single spaces.
        said: Phones or a respelling, as `pronunciation` reads them.
        language: Code of the texts that it is for; "" for all.
        origin: Where it is from, for messages: `lexicon.tsv, line 3`.
    """

    written: str
    said: str
    language: str = ""
    origin: str = ""


class Found(NamedTuple):
    """An entry in a text; a possessive 's belongs to the stretch."""

    start: int
    end: int
    entry: Entry
    is_possessive: bool


@dataclass(frozen=True)
class Lexicon:
    """Entries; of two for the same word and language the later one counts."""

    entries: tuple[Entry, ...] = ()

    def joined(self, further: Lexicon) -> Lexicon:
        """With more entries, which go before its own."""
        return Lexicon((*self.entries, *further.entries))

    def find(self, text: str, language: str, others: Collection[str] = ()) -> Iterator[Found]:
        """Entries in a text, in order, none over another.

        Args:
            text: Any text.
            language: Code of its language.
            others: Codes of languages that words in other letters are read in.
        """
        if not self.entries:
            return
        spelled = _spelling(text)
        # Latin words among Han are English whoever reads them.
        readable = frozenset(("en", *map(base_language, others)))
        at = 0
        while at < len(text):
            found = self._longest(text, spelled, at, language, readable)
            if found is not None:
                yield found
            at = at + 1 if found is None else found.end

    def _longest(
        self, text: str, spelled: str, at: int, language: str, readable: Collection[str]
    ) -> Found | None:
        for length in self._lengths.get(spelled[at], ()):
            end = at + length
            candidates = self._by_spelling.get(spelled[at:end], ())
            fitting = [one for one in candidates if _fits(one, text[at:end], language, readable)]
            if not fitting or not _begins_word(spelled, at, language):
                continue
            possessive = spelled[end : end + 2] == "'s" and not _in_one_word(spelled, end + 2)
            if possessive or _ends_word(spelled, end):
                # The last of the most particular ones.
                entry = max(reversed(fitting), key=lambda one: (_has_inner_capital(one), len(one.language)))
                return Found(at, end + 2 * possessive, entry, possessive)
        return None

    @functools.cached_property
    def _by_spelling(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            found[_spelling(entry.written)].append(entry)
        return found

    @functools.cached_property
    def _lengths(self) -> Mapping[str, Sequence[int]]:
        """By first character, the longest first."""
        found: dict[str, set[int]] = defaultdict(set)
        for spelled in self._by_spelling:
            found[spelled[0]].add(len(spelled))
        return {first: sorted(lengths, reverse=True) for first, lengths in found.items()}


NO_ENTRIES = Lexicon()


def is_spaced(character: str) -> bool:
    """Whether it is a letter or digit of a script that parts its words by spaces."""
    category = unicodedata.category(character)[0]
    return category in "LMN" and script_of(character) not in _UNSPACED


def _spelling(text: str) -> str:
    """As long as the text, with what makes no difference made alike."""
    return "".join(map(_alike, text))


@functools.lru_cache(maxsize=4096)
def _alike(character: str) -> str:
    if character in _APOSTROPHES:
        return "'"
    if character in _HYPHENS:
        return "-"
    if character.isspace() and character != "\n":  # a line's end parts sentences
        return " "
    lowered = character.lower()
    return lowered if len(lowered) == 1 else character


def _fits(entry: Entry, written: str, language: str, readable: Collection[str]) -> bool:
    if _has_inner_capital(entry) and _exact(written) != _exact(entry.written):
        return False
    if not entry.language:
        return True
    code = language.strip().lower().replace("_", "-")
    if entry.language in (code, base_language(code)):
        return True
    first = next((character for character in written if character.isalpha()), "")
    own = language_of_letter(first, language) if first else ""
    return own in readable and entry.language == own


def _has_inner_capital(entry: Entry) -> bool:
    return any(word[1:] != word[1:].lower() for word in entry.written.split(" "))


def _exact(written: str) -> str:
    return "".join(one if one.isalpha() else _alike(one) for one in written)


def _begins_word(spelled: str, at: int, language: str) -> bool:
    if _in_one_word(spelled, at):
        return False
    is_elided = spelled[at - 1 : at] == "'" and at > 1 and is_spaced(spelled[at - 2])
    return not is_elided or base_language(language) in _ELIDING


def _ends_word(spelled: str, end: int) -> bool:
    if _in_one_word(spelled, end):
        return False
    return not (spelled[end : end + 1] == "'" and end + 1 < len(spelled) and is_spaced(spelled[end + 1]))


def _in_one_word(spelled: str, at: int) -> bool:
    """Whether the characters before and at this place belong together."""
    if not 0 < at < len(spelled):
        return False
    if unicodedata.category(spelled[at])[0] == "M":
        return True
    return is_spaced(spelled[at - 1]) and is_spaced(spelled[at])
