"""How the dictionary that a published network was trained on writes the words of a sentence.

Kokoro-82M learned English from the dictionaries of misaki 0.9.4 (Apache-2.0, see NOTICE). `tables/words_*`
holds them: a word a line, then its characters, those before a pause where they differ, and other readings
("live", "used"), of which the one nearest to what the phones say is meant.
"""

from __future__ import annotations

import functools
import lzma
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from importlib import resources
from typing import NamedTuple

from models.frontend.text.characters import MARKS

READS_FILES = (
    "tables/words_{family.character_table}_en-us.tsv.xz",
    "tables/words_{family.character_table}_en-gb.tsv.xz",
)
_STRESS_MARKS = frozenset("ˈˌ")
_VOWELS = frozenset("AIOQWYaeiuæɐɑɒɔəɛɜɪʊʌᵊᵻ")
_SIBILANTS = frozenset("szʃʒʤʧ")
_UNVOICED = frozenset("ptkfθ")
_UNVOICED_BEFORE_D = frozenset("pkfθʃsʧ")
_BEFORE_FLAP = frozenset("AIOWYiuæɑəɛɪɹʊʌ")
_ENDINGS = (
    ("'s", ("",), "s"), ("ies", ("y",), "s"), ("es", ("", "e"), "s"), ("s", ("",), "s"),
    ("ied", ("y",), "ed"), ("ed", ("e", ""), "ed"), ("ing", ("", "e"), "ing"),
)  # fmt: skip
"""As it is written, letters of the stem that it takes the place of, and how it is added."""


class InContext(NamedTuple):
    """A word whose form what follows decides: a consonant, a vowel, or a pause."""

    consonant: str
    vowel: str
    pause: str


class Dictionary(NamedTuple):
    """forms: word -> its characters, those before a pause or "", other readings.

    in_context: goes before forms where the phones have no primary stress, or before a pause.
    ending_vowel: of the endings -s after a sibilant and -ed after t and d.
    flaps: whether t becomes T between a vowel and these endings.
    """

    forms: Mapping[str, Sequence[str]]
    in_context: Mapping[str, InContext]
    ending_vowel: str
    flaps: bool

    def written(self, words: Sequence[str], spelled: Sequence[str]) -> list[str]:
        """Characters of each word of a sentence as the dictionary has them; "" for marks and unknown words.

        spelled: the characters of each word as its phones have them.
        """
        found: list[str] = []
        following = ""
        for word, said in zip(reversed(words), reversed(spelled), strict=True):
            written = "" if word in MARKS else self._word(word, said, following)
            found.append(written)
            following = "" if word in MARKS else (written or said).lstrip("ˈˌ")[:1]
        return found[::-1]

    def _word(self, word: str, said: str, following: str) -> str:
        """following: the first character of the next word, "" before a pause."""
        # A capital alone is a letter, or "I".
        weak = self.in_context.get(word if len(word) == 1 else word.lower())
        if weak is not None and (following == "" or "ˈ" not in said):
            return weak.pause if following == "" else weak.vowel if following in _VOWELS else weak.consonant
        forms = self._forms(word)
        if not forms:
            return ""
        default, pause, *others = (*forms, "")[: max(2, len(forms))]
        if following == "" and pause:
            return _stressed(pause, word)
        # The first of equally near readings: the dictionary's own choice.
        return _stressed(max((default, *others), key=lambda form: _likeness(form, said)), word)

    def _forms(self, word: str) -> Sequence[str]:
        for known in (word, word.lower(), word.lower().capitalize()):
            if known in self.forms:
                return self.forms[known]
        # Of "hop" and "hope", both stems of "hoping", the phones tell which.
        derived = [
            self._with_ending(self.forms[stem][0], sound)
            for written, before, sound in _ENDINGS
            if word.lower().endswith(written)
            for stem in _stems(word.lower().removesuffix(written), before)
            if stem in self.forms
        ]
        return (derived[0], "", *derived[1:]) if derived else ()

    def _with_ending(self, form: str, sound: str) -> str:
        last = form[-1]
        if sound == "s":
            return form + (
                self.ending_vowel + "z" if last in _SIBILANTS else "s" if last in _UNVOICED else "z"
            )
        if self.flaps and last == "t" and form[-2:-1] in _BEFORE_FLAP:
            form = form[:-1] + "T"
        if sound == "ing":
            return form + "ɪŋ"
        return form + (
            self.ending_vowel + "d" if last in "td" else "t" if last in _UNVOICED_BEFORE_D else "d"
        )


def _stems(rest: str, before: tuple[str, ...]) -> list[str]:
    """Of a word without its ending; "stopp" is "stop" too."""
    stems = [rest + letters for letters in before]
    return [*stems, rest[:-1]] if "e" in before and rest[-1:] == rest[-2:-1] else stems


def aligned(said: Sequence[tuple[str, int]], written: str) -> list[tuple[str, int]]:
    """Each character of a word as the dictionary has it, with the phone that it is part of.

    said: at least one character of the same word as its phones have it, with their places.
    """
    found: list[tuple[str, int]] = []
    spelled = "".join(character for character, _ in said)
    for kind, start, end, other, until in SequenceMatcher(None, spelled, written, False).get_opcodes():
        for place in range(other, until):
            if kind == "insert":
                # A stress mark belongs to what follows it, anything else to what it follows.
                nearest = start if written[place] in _STRESS_MARKS else start - 1
            else:
                nearest = start + (place - other) * (end - start) // (until - other)
            phone = said[min(max(nearest, 0), len(said) - 1)][1]
            found.append((written[place], max(phone, found[-1][1] if found else 0)))
    return found


@functools.lru_cache(maxsize=4)
def load_forms(name: str) -> dict[str, tuple[str, ...]]:
    """The words of `tables/words_NAME.tsv.xz`."""
    source = resources.files(__package__).joinpath("tables", f"words_{name}.tsv.xz")
    lines = lzma.decompress(source.read_bytes()).decode("utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {word: tuple(forms) for word, *forms in rows}


def _likeness(form: str, said: str) -> float:
    return SequenceMatcher(None, form, said, False).ratio()


def _stressed(form: str, word: str) -> str:
    """Words with a capital letter have a stress: secondary, or primary where all letters are capitals."""
    if word == word.lower() or _STRESS_MARKS & set(form):
        return form
    vowel = next((place for place, character in enumerate(form) if character in _VOWELS), None)
    if vowel is None:
        return form
    return form[:vowel] + ("ˈ" if word == word.upper() else "ˌ") + form[vowel:]
