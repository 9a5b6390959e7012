"""A text in which each word with a pronunciation of its own is two characters that no rule knows.

Normalisation, sentences and stretches of a language are found around such a word and leave it as it is. The
two are letters of a dead script, which is read by nobody: normalisers pass them on as a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from models.frontend.text.inline import Inline, inline_words
from models.frontend.text.lexicon import Entry, Found, Lexicon
from models.frontend.text.phonemized import TextError, base_language
from models.frontend.text.pronunciation import SYLLABIC, are_syllables

_BLOCKS = ((0x17000, 0x187F7), (0x13000, 0x1342E), (0x12000, 0x12399))
"""Tangut, Egyptian hieroglyphs, cuneiform: the first that the text does not use itself."""
_HAN = "字"
_ENDING = re.compile(r"['’‘ʼ＇`´]?s(?!\w)")
STAND_IN = re.compile("[\U00017000-\U000187f7]{2}|[\U00013000-\U0001342e]{2}|[\U00012000-\U00012399]{2}")


HIDDEN = "\U00017000"
"""What hides the letters of an own word after its first."""


class OwnWord(NamedTuple):
    """A word as it is written and how it is said.

    Attributes:
        written: With its possessive 's.
        said: As its entry or the text has it.
        language: Code that its entry names, or that of the syllables it is said in; "" elsewhere.
        ending: The 's, or the s of an inline word's plural, which what is said lacks; "" without one.
        origin: Of its entry; "" of an inline one.
    """

    written: str
    said: str
    language: str = ""
    ending: str = ""
    origin: str = ""


class Marked(NamedTuple):
    """text: with stand-ins of two characters; own: what each stands for."""

    text: str
    own: Mapping[str, OwnWord]

    def plain(self, part: str) -> str:
        """A part of the text as it is written, without markup."""
        return STAND_IN.sub(lambda found: self._written(found[0]), part) if self.own else part

    def in_letters(self, part: str) -> str:
        """The same part, as long as it is, with letters that tell the language of the words."""
        return STAND_IN.sub(lambda found: 2 * self._letter(found[0]), part) if self.own else part

    def _written(self, stand_in: str) -> str:
        return self.own[stand_in].written if stand_in in self.own else stand_in

    def _letter(self, stand_in: str) -> str:
        if stand_in in self.own and base_language(self.own[stand_in].language) in SYLLABIC:
            return _HAN
        letters = (one for one in self._written(stand_in) if one.isalpha())
        return next(letters, stand_in[0])


def marked(text: str, language: str, lexicon: Lexicon, others: Collection[str] = ()) -> Marked:
    """A text with its inline pronunciations, and the lexicon's words outside of them, marked.

    Args:
        text: Any text.
        language: Code of its language.
        lexicon: Words with pronunciations.
        others: Codes of languages that words in other letters are read in.

    Raises:
        TextError: the text uses every script that words could be marked with.
    """
    if not lexicon.entries and "](/" not in text:
        return Marked(text, {})
    text = unicodedata.normalize("NFC", text)
    places = [_inline_place(one, text, language) for one in inline_words(text)]
    for found in _outside_of_inline(text, language, lexicon, others):
        written = " ".join(text[found.start : found.end].split())
        entry = found.entry
        ending = written[-2:] if found.is_possessive else ""
        word = OwnWord(written, entry.said, entry.language, ending, entry.origin)
        places.append((found.start, found.end, word))
    return _replaced(text, sorted(places, key=lambda place: place[0])) if places else Marked(text, {})


def hidden(text: str, language: str, lexicon: Lexicon, others: Collection[str] = ()) -> str:
    """The text, as long as it is, for rules that cut it: own words show their first letter alone.

    The letters behind it are HIDDEN, and their spaces no-break spaces. Arguments as of `marked`.
    """
    places = [(one.start, one.end, one.word) for one in inline_words(text)]
    found = _outside_of_inline(text, language, lexicon, others)
    places += [(one.start, one.end, text[one.start]) for one in found]
    characters = list(text)
    for start, end, word in places:
        shown = next((one for one in word if one.isalnum()), text[start])
        behind = ("\u00a0" if one.isspace() else HIDDEN for one in text[start + 1 : end])
        characters[start:end] = [shown, *behind]
    return "".join(characters)


def _inline_place(found: Inline, text: str, language: str) -> tuple[int, int, OwnWord]:
    base = base_language(language)
    is_syllabic = base in SYLLABIC and are_syllables(found.said.strip("/"))
    ending = _ENDING.match(text, found.end)
    written = found.word + (ending[0] if ending else "")
    word = OwnWord(written, found.said, base if is_syllabic else "", ending[0] if ending else "")
    return found.start, found.end + len(word.ending), word


def entries_in(text: str, language: str, lexicon: Lexicon) -> list[Entry]:
    """The entries that a text is marked with, each once."""
    text = unicodedata.normalize("NFC", text)
    return list(dict.fromkeys(found.entry for found in _outside_of_inline(text, language, lexicon, ())))


def _outside_of_inline(
    text: str, language: str, lexicon: Lexicon, others: Collection[str]
) -> Iterator[Found]:
    hidden = list(text)
    for one in inline_words(text):
        hidden[one.start : one.end] = "\n" * (one.end - one.start)
    return lexicon.find("".join(hidden), language, others)


def _replaced(text: str, places: list[tuple[int, int, OwnWord]]) -> Marked:
    numbers: dict[OwnWord, str] = {}
    first, last = _unused_block(text)
    size = last - first + 1
    pieces: list[str] = []
    before = 0
    for start, end, word in places:
        number = len(numbers)
        stand_in = numbers.setdefault(word, chr(first + number // size) + chr(first + number % size))
        pieces += [text[before:start], stand_in]
        before = end
    return Marked("".join([*pieces, text[before:]]), {stand_in: word for word, stand_in in numbers.items()})


def _unused_block(text: str) -> tuple[int, int]:
    for first, last in _BLOCKS:
        if not any(first <= ord(character) <= last for character in text):
            return first, last
    raise TextError(
        "unreadable_text", "text", text[:60], "it is written in Tangut, hieroglyphs and cuneiform at once",
        "Leave one of these scripts out.",
    )  # fmt: skip
