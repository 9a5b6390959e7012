"""Numbers of a vocabulary's language in words, agreeing with what they count."""

from __future__ import annotations

import re
from decimal import Decimal

from models.frontend.text.numbers import number_words, parse_number
from models.frontend.text.vocabulary import Noun, Vocabulary

NUMBER = r"(?:\d{1,3}(?:(?:\.\d{3})+|(?: \d{3})+|(?:'\d{3})+)(?!\d)(?:,\d+)?|\d+(?:[.,]\d+)?)"
"""Digits in groups of three by dots, spaces or apostrophes, decimals after a comma or a lone dot."""
BEFORE = r"(?<![\w,.])"
"""What stands before a number that nothing belongs to."""

_MILLION = 1_000_000


def whole(value: int, words: Vocabulary, gender: str = "") -> str:
    """A whole number. gender: of the noun that it counts; "" where it stands alone."""
    said = words.whole_words(abs(value)) if words.whole_words else number_words(abs(value), words.language)
    if said is None:
        return str(value)
    # Millions are nouns, which agree with nothing.
    gender = "" if is_millions(value) else gender
    for pattern, ending in words.agreement.get(gender, ()):
        said = re.sub(rf"{pattern}$", ending, said)
    return f"{words.minus} {said}" if value < 0 else said


def digits(text: str, words: Vocabulary) -> str:
    """Figures one by one; other characters part them and are not said."""
    return " ".join(whole(int(figure), words) for figure in text if figure.isdecimal())


def number(text: str, words: Vocabulary, gender: str = "") -> str:
    """A written number, decimals included; figure by figure where it is no number but an identifier."""
    value = value_of(text, words)
    figures = re.sub(r"\D", "", text)
    if value is None or (len(figures) > 1 and text[0] == "0" and text[1] not in ",."):
        return digits(text, words)
    # Its decimals as they are written: "1,50" is not "1,5" where every figure is said.
    _, mark, decimals = re.sub(r"[' ]", "", text).rpartition("," if "," in text else ".")
    is_group = value == int(value) and "," not in text and "." not in str(value)
    if not mark or is_group:
        return whole(int(value), words, gender)
    said = words.decimals(str(value)) if words.decimals else None
    return said or f"{whole(int(value), words)} {words.comma} {_decimals(decimals, words)}"


def value_of(text: str, words: Vocabulary) -> Decimal | None:
    """The value of a written number, or None when it is none or too long to be said as one."""
    return parse_number(text, words.language)


def counted(text: str, noun: Noun, words: Vocabulary) -> str:
    """A written number and the noun that it counts ("1" -> "une heure", "2" -> "deux heures")."""
    unit, value = form_of(text, noun, words), value_of(text, words)
    is_share = noun in (words.units.get("%"), words.units.get("‰"))
    of = of_millions(unit, words) if value is not None and is_millions(value) and not is_share else " "
    return f"{number(text, words, noun.gender)}{of}{unit}"


def is_millions(value: int | Decimal) -> bool:
    """Whether the words of a number end in million or more, which some languages join with "of"."""
    return value != 0 and value % _MILLION == 0


def of_millions(counted_noun: str, words: Vocabulary) -> str:
    """What stands between a million and the noun that it counts ("un million d'euros")."""
    # "de" loses its vowel before another one in French alone.
    is_elided = words.language == "fr" and counted_noun[:1].lower() in tuple("aàâeéèêiîoôuyh")
    return " d'" if is_elided else words.of_magnitude


def form_of(text: str, noun: Noun, words: Vocabulary) -> str:
    """The form of a noun after a written number."""
    value = value_of(text, words)
    index = words.plural(Decimal(0) if value is None else value)
    return noun.forms[min(index, len(noun.forms) - 1)]


def _decimals(decimals: str, words: Vocabulary) -> str:
    if words.decimals_as_number and len(decimals) <= 2 and decimals[0] != "0":
        return whole(int(decimals), words)
    return digits(decimals, words)
