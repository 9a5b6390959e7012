"""Numbers: fractions, ranges, ordinals, decades, years, and all others."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import (
    GROUPED,
    MAX_CARDINAL_DIGITS,
    NUMBER,
    cardinal,
    number,
    ordinal,
    plural,
    year,
)
from models.frontend.text.english.rule import Rule, before, letters, rule
from models.frontend.text.english.units import UNIT, unit_name

_POWERS = {"²": "squared", "^2": "squared", "³": "cubed", "^3": "cubed"}
_HALVES = {2: "half", 4: "quarter"}
_START = r"(?<![\w.,/⁄])"
_YEAR = r"1[1-9]\d\d|20[1-9]\d|200[1-9]"
_COUNTED = (
    "people|men|women|children|users?|members|students|soldiers|words|pages|times|votes|points|items"
    "|pieces|copies|miles?|meters|metres|feet|yards|inches|kilometers|kilometres|pounds|grams|kilograms"
    "|tons|tonnes|acres|degrees|dollars|euros|cents|yen|rupees|percent|hours|minutes|seconds|days|weeks"
    "|months|years|calories|watts|volts|million|billion|trillion|thousand|hundred|square|cubic|more"
    "|fewer|of them|employees|workers|cars|books|steps"
)

_LASTS = re.compile(
    r"\b(?:for|in|after|within|wait|waits|waited|than|about|every|takes|took|lasts?|lasted|of|by)"
    r" $",
    re.I,
)
"""What stands before seconds, not before decades."""


def _fraction(over: int, under: int) -> str:
    if over == under and under not in (10, 100):
        return f"{cardinal(over)} {cardinal(under)}"
    if over > under > 16:
        return f"{cardinal(over)} over {cardinal(under)}"
    if under in (10, 100) and over > 1:
        return f"{cardinal(over)} out of {cardinal(under)}"
    if not 2 <= under <= 100:
        return f"{cardinal(over)} over {cardinal(under)}"
    name = _HALVES.get(under) or ordinal(under)
    if over == 1:
        return f"one {name}"
    return f"{cardinal(over)} {'halves' if under == 2 else plural(name)}"


def _mixed(match: re.Match[str]) -> str:
    if max(len(match["over"]), len(match["under"])) > 4 or not int(match["under"]):
        return match[0]
    whole, over, under = match["whole"], int(match["over"]), int(match["under"])
    said = _fraction(over, under)
    if whole:
        article = "an" if said.startswith(("one eigh", "one eleven")) else "a"
        said = f"{number(whole)} and {article + said[3:] if over == 1 else said}"
    return f"{said} {unit_name(match['unit'], is_one=not whole)}" if match["unit"] else said


def _rating(match: re.Match[str]) -> str:
    """ "9.8/10" """
    if float(match[1]) > int(match[2]):
        return match[0]
    return f"{number(match[1])} out of {number(match[2])}"


def _range(match: re.Match[str]) -> str:
    low, high = match["low"], match["high"]
    return f"{low} {high}" if low == high else f"{low} to {high}"


def _years(match: re.Match[str]) -> str:
    return f"{year(int(match[1]))} to {number(match[2])}"


def _decade(match: re.Match[str]) -> str:
    if not match["century"] and _LASTS.search(before(match)):
        return match[0]
    century, tens = match["century"], match["tens"]
    if tens == "0" and not century:
        return "two thousands"
    if century:
        return plural(year(int(f"{century}{tens}0")))
    return plural(cardinal(int(tens) * 10))


def _ordinal(match: re.Match[str]) -> str:
    digits = match[1].replace(",", "")
    return ordinal(int(digits)) if len(digits) <= MAX_CARDINAL_DIGITS else f"{number(digits)}th"


def _plain_year(match: re.Match[str]) -> str:
    return year(int(match[1]))


def _power(match: re.Match[str]) -> str:
    base = number(match[1]) if match[1].isdecimal() else match[1]
    if match[2] in _POWERS:
        return f"{base} {_POWERS[match[2]]}"
    sign = "minus " if "-" in match[2] else ""
    return f"{base} to the power of {sign}{number(match[2].lstrip('^-'))}"


def _any_number(match: re.Match[str]) -> str:
    """A number that touches letters is a word of its own: "B2B"; a hyphen stays one: "COVID-19"."""
    start = " " if before(match)[-1:].isalnum() else ""
    end = " " if match.string[match.end() : match.end() + 1].isalnum() else ""
    return f"{start}{number(match[0])}{end}"


# Before units, which belong to what these rules leave in figures.
RANGES: tuple[Rule, ...] = (
    rule(rf"(?<![\w.,/⁄-])({_YEAR})[-–](\d\d)(?![\w.,/-]\d|\w)", _years),
    rule(r"(?<![\w.,/⁄-])(\d{1,2})-(\d{1,2})-(\d{1,2})(?![\w-])", r"\1 \2 \3"),
    rule(rf"(?<![\w.,/⁄-])(?P<low>{NUMBER}) ?[-–—] ?(?P<high>{NUMBER})(?![-/⁄:]?\d)", _range),
    rule(r"(?<=[\d'\"]) ?[x×] ?(?=\d)", " by "),
)
# Of India, 1,00,000: before money, whose amounts are grouped by thousands.
GROUPS: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.,])[1-9]\d?(?:,\d\d)+,\d{3}(?!\d|,\d)",
        lambda match: f"{int(match[0].replace(',', '')):,}",
    ),
)
FRACTIONS: tuple[Rule, ...] = (
    rule(rf"{_START}(\d{{1,3}}\.\d+)/(\d{{1,3}})(?![\w/⁄]|\.\d)", _rating),
    rule(
        rf"{_START}(?:(?P<whole>\d+)[ -])?(?P<over>\d+)[⁄/](?P<under>\d+)"
        rf"(?:[ -]?(?P<unit>{UNIT})(?!\w)(?:\.(?= [a-z]))?|(?![\w/⁄]|\.\d))",
        _mixed,
    ),
    rule(rf"{_START}(\d+|[A-Za-z])([²³]|\^-?\d+)(?!\w)", _power),
)
# Before units too: "the 90s" are no seconds.
DECADES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,/])'?(?P<century>1\d|20)(?P<tens>\d)0'?s(?!\w)", _decade),
    rule(r"(?<![\w.,/])'?(?P<century>)(?P<tens>[1-9]|(?<=')0)0'?s(?!\w)", _decade),
)
RULES: tuple[Rule, ...] = (
    rule(rf"{_START}({GROUPED})(?:st|nd|rd|th)(?!\w)", _ordinal, re.I),
    rule(r"(?<![\w.,/])(\d+)'?s(?!\w)", lambda match: plural(number(match[1]))),
    rule(r"(?<!\w)'(\d\d)(?!\w)", lambda match: number(match[1])),
    rule(r"(?<!\w)(in|since|from|until|by|before|after|circa|year|around) ([1-9]\d{3})(?![\w%°,]|\.\d| (?:"
         rf"{_COUNTED}))", lambda match: f"{match[1]} {year(int(match[2]))}", re.I),
    rule(rf"(?<![\w.,$£€¥/-])({_YEAR})(?![\w%°]|[.,]\d| (?:{_COUNTED})\b)", _plain_year),
    # "10 000" is a number where no other figures stand beside it.
    rule(r"(?<![\w.,])(?<!\d )([1-9]\d{0,2}(?: \d{3})+)(?! ?\d|[\w]|\.\d)",
         lambda match: number(match[1].replace(" ", ""))),
    rule(rf"(?<![\d.,])({NUMBER})[kK](?=[ -](?:runs?|races?|video|screen|monitor|TV))",
         lambda match: f"{number(match[1])} K"),
    rule(rf"(?<![\d.,])({NUMBER})k(?!\w)", lambda match: f" {number(match[1])} thousand"),
    rule(rf"(?<![\w.,])({NUMBER})x(?!\w)", lambda match: f"{number(match[1])} times"),
    rule(rf"(?<![\w.,])({NUMBER}) ?(M|mn|bn)(?!\w)",
         lambda match: f"{number(match[1])} {'billion' if match[2] == 'bn' else 'million'}"),
    rule(r"(?<=\d)[A-Z]{1,3}(?!\w)", lambda match: f" {letters(match[0])}"),
    rule(NUMBER, _any_number),
)  # fmt: skip
