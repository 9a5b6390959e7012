"""What the rules of English are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

# As `fold` writes them: full-width letters are letters that are said by their names. No later rule takes them
# for words, and the last folding makes plain capitals of them.
_FULL_WIDTH = {ord(letter): 0xFF21 + place for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}


def word_set(words: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(words.split())


SENTENCE_STARTERS = word_set(
    "the this that these those he she it we they you i an but and so in on at if when while there then"
    " his her their our my its as for after before now what why how who where nobody everyone some no"
    " yes however although because since with from to is was are were did do does can let please"
)
"""Words that begin a sentence where they follow a full stop with a capital letter; no name begins so."""


_CONTEXT = 60
"""Characters that a rule looks back over at most: longer texts take no longer for each of their words."""


class Rule(NamedTuple):
    """What is written and how it is said; spoken may be a template of `re`."""

    written: re.Pattern[str]
    spoken: Callable[[re.Match[str]], str] | str


def rule(pattern: str, spoken: Callable[[re.Match[str]], str] | str, flags: int = 0) -> Rule:
    """A rule of a pattern in text."""
    return Rule(re.compile(pattern, flags), spoken)


def apply(rules: Iterable[Rule], text: str) -> str:
    """One rule after the other."""
    for one in rules:
        text = one.written.sub(one.spoken, text)
    return text


def letters(word: str) -> str:
    """A word letter by letter: each is a word of its own, a capital."""
    return " ".join(word.upper()).translate(_FULL_WIDTH)


def before(match: re.Match[str]) -> str:
    """The text before a match, as far as rules look back."""
    return match.string[max(0, match.start() - _CONTEXT) : match.start()]


def begins_sentence(text: str) -> bool:
    """Whether a text that follows a full stop is a sentence of its own, as far as its first word tells."""
    word = re.match(r"[\s\"'(]*([A-Z][a-z]*)(?!\w)", text)
    return word is not None and word[1].lower() in SENTENCE_STARTERS


def stop_after(match: re.Match[str]) -> str:
    """The full stop of what matched where it ends a sentence too, else nothing."""
    rest = match.string[match.end() :]
    return "." if not rest.strip("\"') ") or begins_sentence(rest) else ""
