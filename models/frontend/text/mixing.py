"""A text in several languages, cut into stretches that each have one.

Letters decide by their script: Latin letters are English where the text's own language is written otherwise,
Han characters are Chinese where it does not use them. What is no letter belongs to a neighbour: marks to the
stretch before them, a number to the side that it touches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from models.frontend.language import foreign_share, letters, script_of
from models.frontend.text.phonemized import base_language

# A number with the signs that are read together with it: "$5.50", "-3", "40 %", "3, 4".
_NUMBER = re.compile(r"(?:[$€£¥￥]\s?|[-+−])?\d(?:.*\d)?(?:\s?[%€°]C?)?", re.DOTALL)
_WRITTEN_IN_LATIN_BESIDE = frozenset(("zh", "yue", "ja", "ko"))
_WRITTEN_IN_HAN = frozenset(("zh", "yue", "ja"))


class Stretch(NamedTuple):
    """Part of a text and the code of its language."""

    text: str
    language: str


def stretches(text: str, language: str, spoken: Iterable[str]) -> list[Stretch]:
    """The text in order, without a gap: joined, the stretches are the text.

    Args:
        text: Any text.
        language: Code of its main language, which also reads what has no letters.
        spoken: Codes of the languages that may be read.
    """
    code_of = {base_language(code): code for code in spoken}
    found: list[Stretch] = []
    between = ""
    for character in text:
        if not character.isalpha():
            between += character
            continue
        owner = _owner(character, language, code_of)
        if found and found[-1].language == owner:
            found[-1] = Stretch(found[-1].text + between + character, owner)
        elif found:
            before, after = _divided(between)
            found[-1] = Stretch(found[-1].text + before, found[-1].language)
            found.append(Stretch(after + character, owner))
        else:
            found.append(Stretch(between + character, owner))
        between = ""
    if not found:
        return [Stretch(text, language)] if text else []
    found[-1] = Stretch(found[-1].text + between, found[-1].language)
    return found


def unreadable_share(parts: Iterable[Stretch]) -> float:
    """Share of the letters whose script the language of their stretch does not use, 0 to 1."""
    counted = [(len(letters(part.text)), foreign_share(part.text, part.language)) for part in parts]
    total = sum(n_letters for n_letters, _ in counted)
    return sum(n_letters * share for n_letters, share in counted) / total if total else 0.0


def language_of_letter(letter: str, language: str) -> str:
    """Base code of the language that a letter stands for in a text of another one."""
    main, script = base_language(language), script_of(letter)
    if script == "LATIN" and main in _WRITTEN_IN_LATIN_BESIDE:
        return "en"
    if script == "CJK" and main not in _WRITTEN_IN_HAN:
        return "zh"
    return main


def _owner(character: str, language: str, code_of: dict[str, str]) -> str:
    base = language_of_letter(character, language)
    return language if base == base_language(language) else code_of.get(base, language)


def _divided(between: str) -> tuple[str, str]:
    """What stands between two languages, cut into the part of the first and the part of the second."""
    number = _NUMBER.search(between)
    if number is None:
        return between, ""
    gaps = between[: number.start()], between[number.end() :]
    if _distance(gaps[1]) < _distance(gaps[0]):
        return gaps[0], number.group() + gaps[1]
    return between, ""


def _distance(gap: str) -> int:
    """0 where two things touch, 1 where only white space is between them, 2 where a mark is."""
    if not gap:
        return 0
    return 1 if gap.isspace() else 2
