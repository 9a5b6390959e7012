"""What a language's numbers, dates, units and signs are called: the data that `verbalize` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple


class Noun(NamedTuple):
    """A word that numbers count.

    forms: as many as the language's `plural` tells apart, or one where they are all alike.
    gender: "m", "f" or "n", which the number before it may follow ("une heure").
    """

    forms: tuple[str, ...]
    gender: str = "m"


class Clock(NamedTuple):
    """How times are said. Templates hold {hours}, {hour} (the noun in its form) and, in `past`, {minutes}.

    mark: pattern of what may follow the figures (" Uhr"); with it the full hour is `marked`, else `full`.
    """

    mark: str
    hour: Noun
    full: str
    marked: str
    past: str
    before: str = r"(?!)"
    """Pattern of what stands before a time with a full stop, where no mark follows it."""
    minute: Noun | None = None
    """Said after the minutes, where the language does."""


class Currency(NamedTuple):
    """A unit of money and its hundredth, where it has one."""

    unit: Noun
    hundredth: Noun | None = None


def listed(words: str) -> frozenset[str]:
    """Words of a list that is written as one text."""
    return frozenset(words.split())


def one_or_many(value: Decimal) -> int:
    """Index of a noun's form: one, everything else."""
    return 0 if value == 1 else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """One language. Texts are folded when rules read them, so that º is o, m² is m2 and ½ is 1⁄2."""

    language: str
    """Base code; num2words' name of it says the numbers."""
    comma: str
    """What parts decimals from the whole."""
    to: str
    """Between the ends of a range."""
    ratio: str
    """Between the figures of a score or ratio."""
    minus: str
    months: tuple[str, ...]
    """As they are said in a date."""
    date: str
    """Template of {day}, {month} and {year}."""
    date_without_year: str
    day: Callable[[int, str, str], str]
    """The day of a month in words, given the word before it and the month."""
    clock: Clock
    units: Mapping[str, Noun]
    per: str
    """In "euros per kilogram"."""
    currencies: Mapping[str, Currency]
    """By sign, code and name as they are written."""
    money: str
    """Template of {whole}, {unit}, {part} and {hundredth}."""
    abbreviations: tuple[tuple[str, str], ...]
    """Written, spoken; a full stop at the end may be followed by a space where one stands inside."""
    before_figures: frozenset[str] = frozenset()
    """Those of them that are words of their own where no figure follows ("no.")."""
    signs: Mapping[str, str]
    web: Mapping[str, str]
    """Names of ".", "/", "-", "_", "@" and ":" in addresses."""
    fractions: Mapping[int, Noun]
    """By denominator."""
    half: Mapping[str, str]
    """A half of something, by gender; "" where it stands alone."""
    after_fraction: int = 0
    """Index of the form of a noun after a fraction ("drei Viertel Liter")."""
    and_a_half: Mapping[str, str]
    """Template of {whole} and the noun, by the noun's gender; "m" where it has none. {noun} is its form after
    the whole number, {many} its plural, {part} its form after a fraction."""
    one_and_a_half: Mapping[str, str] = field(default_factory=dict)
    """The same where 1½ is a word of its own."""
    and_a_fraction: str = ""
    """Template of {whole}, {part} and the noun, {many}, where no "and" joins a number and its fraction."""
    spelled: frozenset[str] = frozenset()
    """Words in capitals that are said as letters although they could be read."""
    read: frozenset[str] = frozenset()
    """Words in capitals that are said as words although they are short or hard to read."""
    decimals_as_number: bool = False
    """3,14 is "three comma fourteen", not "one four"."""
    decimals: Callable[[str], str | None] | None = None
    """A number with decimals ("2.5") where it is not whole, comma, decimals."""
    plural: Callable[[Decimal], int] = one_or_many
    agreement: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """By gender: patterns of the end of a number's words and what stands there instead."""
    feminine: str = r"(?!)"
    """Pattern of a feminine noun that a number counts."""
    feminine_few: str = ""
    """The same after a number that takes the form for few, where that form differs."""
    function_words: frozenset[str] = frozenset()
    """What may follow a number and is not counted by it, and what capitals never make an abbreviation."""
    magnitudes: Mapping[str, Noun] = field(default_factory=dict)
    """Millions and more, as they are written after figures and before money."""
    of_magnitude: str = " "
    """Between a million and what it counts."""
    year: Callable[[int], str] | None = None
    """A year in a date, where it is no plain number."""
    year_mark: str = ""
    """Pattern of what may follow a date's year and is part of its template ("roku")."""
    ordinal_mark: str = r"(?!)"
    """Pattern of what makes the figures before it an ordinal."""
    ordinal: Callable[[int, str], str | None] | None = None
    """An ordinal in words, given its mark."""
    after_roman: str = r"(?!)"
    """Pattern of what makes the Roman numeral before it an ordinal ("e siècle")."""
    counting: frozenset[str] = frozenset()
    """Words that a Roman numeral counts ("chapter"), in lower case."""
    rulers: frozenset[str] = frozenset()
    """First names that an ordinal follows."""
    ruler: Callable[[int, str], str] | None = None
    """The ordinal after such a name, which is given."""
    phone_words: str = r"(?:[Tt]el|[Ff]ax)\w*\b\.?:?"
    phone: str = r"(?!)"
    """Pattern of a telephone number of the country that begins with neither 0 nor +."""
    phone_in_pairs: bool = False
    whole_words: Callable[[int], str | None] | None = None
    """Number words where num2words has none."""
