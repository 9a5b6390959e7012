"""Numbers with units of measurement."""

from __future__ import annotations

import re
from collections.abc import Iterable

from models.frontend.text.english.numerals import NUMBER, number, plural
from models.frontend.text.english.rule import Rule, before, rule, word_set

_PREFIXED = {
    "g": "gram", "m": "meter", "W": "watt", "Wh": "watt hour", "Hz": "hertz", "B": "byte",
    "V": "volt", "Pa": "pascal", "J": "joule", "N": "newton", "bit": "bit", "bps": "bit per second",
    "L": "liter", "l": "liter", "s": "second", "A": "ampere", "Ah": "ampere hour", "cal": "calorie",
    "Ω": "ohm", "mol": "mole",
}  # fmt: skip
_ONLY_PREFIXED = frozenset(("A", "N", "J", "bit"))
"""Alone they are the names of many other things."""
_PREFIXES = {
    "g": "kmμ", "m": "kcmμnd", "W": "kMGm", "Wh": "kMG", "Hz": "kMGT", "B": "kKMGTP", "V": "kmM",
    "Pa": "kMGh", "J": "kM", "N": "k", "bit": "kMG", "bps": "kKMG", "L": "mc", "l": "mcd", "s": "mμn",
    "A": "m", "Ah": "m", "cal": "k", "Ω": "kM", "mol": "m",
}  # fmt: skip
_PREFIX_NAMES = {
    "k": "kilo", "K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "h": "hecto", "d": "deci",
    "c": "centi", "m": "milli", "μ": "micro", "n": "nano",
}  # fmt: skip
_ALONE = {
    "%": "percent", "‰": "per mille", "°C": "degree Celsius", "°F": "degree Fahrenheit",
    "°N": "degree north", "°S": "degree south", "°E": "degree east", "°W": "degree west",
    "°": "degree", "lb": "pound", "lbs": "pound", "oz": "ounce", "fl oz": "fluid ounce", "mi": "mile",
    "ft": "foot", "yd": "yard", "yds": "yard", "gal": "gallon", "mph": "mile per hour",
    "kph": "kilometer per hour", "kmh": "kilometer per hour", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "wk": "week",
    "yr": "year", "yrs": "year", "dB": "decibel", "dBA": "decibel", "ha": "hectare",
    "sq ft": "square foot", "sq. ft": "square foot", "sq km": "square kilometer",
    "sq mi": "square mile", "cc": "cubic centimeter", "px": "pixel", "dpi": "dot per inch",
    "fps": "frame per second", "rpm": "revolution per minute", "bpm": "beat per minute",
    "psi": "pound per square inch", "ppm": "part per million", "bar": "bar", "hp": "horsepower",
    "eV": "electron volt", "lm": "lumen", "mb": "megabyte", "gb": "gigabyte", "KG": "kilogram",
    "KM": "kilometer", "kgs": "kilogram", "kms": "kilometer", "tsp": "teaspoon", "tbsp": "tablespoon",
    "ml": "milliliter", "in": "inch", "kΩ": "kilohm", "MΩ": "megohm",
}  # fmt: skip
_UNITS = (
    {unit: name for unit, name in _PREFIXED.items() if unit not in _ONLY_PREFIXED}
    | {
        prefix + unit: _PREFIX_NAMES[prefix] + name
        for unit, name in _PREFIXED.items()
        for prefix in _PREFIXES[unit]
    }
    | _ALONE
)
_POWERS = {"²": "square", "2": "square", "³": "cubic", "3": "cubic"}
_AREAS = ("m", "km", "cm", "mm", "ft", "mi", "in")
_NAMES = _UNITS | {
    f"{unit}{power}": f"{name} {_UNITS[unit]}" for power, name in _POWERS.items() for unit in _AREAS
}
# Said after a slash only: "per month".
_RATES = _NAMES | {
    "mo": "month", "d": "day", "hour": "hour", "day": "day", "week": "week", "month": "month",
    "year": "year", "night": "night", "person": "person", "minute": "minute", "second": "second",
    "mile": "mile", "unit": "unit", "liter": "liter", "litre": "litre", "gallon": "gallon",
    "pound": "pound", "s²": "second squared", "s2": "second squared", "dl": "deciliter",
    "dL": "deciliter",
}  # fmt: skip
_UNCHANGED = frozenset(("percent", "per mille", "horsepower"))
# "5 in the morning", but "5in"; "flat 4B", but "4 B".
_TOUCHING = frozenset(("in",))
_APART = frozenset(("B",))
_NO_NOUNS = word_set(
    "for in to a an the per from and or each of on at is was were are with by than as more less but if"
    " when that which who off up into out over under"
)


def _either(units: Iterable[str]) -> str:
    return "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))


UNIT = f'{_either(_NAMES)}|"'
"""A unit behind a number; a quotation mark is an inch."""
PER = rf"(?: ?/ ?(?P<per>{_either(_RATES)})(?!\w))?"
"""What an amount may be counted by."""


def per(match: re.Match[str]) -> str:
    """ " per month", or nothing where the amount is counted by nothing."""
    return f" per {_RATES[match['per']]}" if match["per"] else ""


def is_adjective(match: re.Match[str]) -> bool:
    """Whether an amount stands before a noun, in the singular: "a five dollar bill"."""
    following = re.match(r"[ -]([a-z]+)", match.string[match.end() :])
    if following is None or following[1] in _NO_NOUNS:
        return False
    if following[1].removesuffix("s") in ("bill", "note", "coin", "banknote"):
        return True
    return re.search(r"(?:^|\W)(?:an?|another|every|each) $", before(match), re.I) is not None


def unit_name(written: str, is_one: bool) -> str:
    """Of what UNIT matches."""
    name = "inch" if written == '"' else _NAMES[written]
    return name if is_one else _plural(name)


def _plural(name: str) -> str:
    first, gap, rest = name.partition(
        " per " if " per " in name else " " if name.startswith("degree ") else "\0"
    )
    if name in _UNCHANGED or first.endswith("hertz"):
        return name
    return f"{plural(first)}{gap}{rest}"


def _measure(match: re.Match[str]) -> str:
    name = _NAMES[match["unit"]]
    if match["unit"] in (_TOUCHING if match["gap"] else _APART):
        return match[0]
    single = match["number"] == "1" or match["gap"] == "-" or is_adjective(match)
    return f"{number(match['number'])} {name if single else _plural(name)}{per(match)}"


def _height(match: re.Match[str]) -> str:
    inches = match["inches"]
    feet = f"{number(match['feet'])} {'foot' if match['feet'] == '1' else 'feet'}"
    return f"{feet} {number(inches)} {'inch' if inches == '1' else 'inches'} " if inches else f"{feet} "


def _inches(match: re.Match[str]) -> str:
    """A double quotation mark after a number is an inch unless a quotation is open."""
    if match.string[: match.start()].count('"') % 2:
        return match[0]
    return f"{number(match[1])} {'inch' if match[1] == '1' or is_adjective(match) else 'inches'} "


RULES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.,])(\d+)° ?(\d+)'(?: ?(\d+)(?:''|\"))?",
        lambda match: (
            f"{number(match[1])} degrees {number(match[2])} minutes "
            + (f"{number(match[3])} seconds " if match[3] else "")
        ),
    ),
    rule(r"(?<![\w.,'])(?P<feet>\d)' ?(?P<inches>\d\d?)(?:''|\"|(?![\w,:]|\.\d))", _height),
    rule(r"(?<![\w.,'])(?P<feet>\d\d?)'(?P<inches>)(?=[ -](?:[a-z]|by )|$|[,;)])", _height),
    rule(r"(?<![\w.,'])(?P<feet>\d+) ?ft\.? (?P<inches>\d\d?) ?in(?!\w)\.?", _height),
    rule(rf"(?<![\w.,])({NUMBER})(?:''|\"|”)(?!\w)", _inches),
    rule(
        r"(?<![\w.,])(\d+)h ?(\d+)m(?:in)?(?!\w)",
        lambda match: (
            f"{number(match[1])} hour{'' if match[1] == '1' else 's'} "
            f"{number(match[2])} minute{'' if match[2] == '1' else 's'}"
        ),
    ),
    rule(
        rf"(?<![\w.,])(?P<number>{NUMBER})(?P<gap>[ -]?)(?P<unit>{_either(_NAMES)})(?!\w){PER}"
        r"(?:\.(?= [a-z]))?",
        _measure,
    ),
)
# Without a number, and applied last.
RATES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w/])(km|m|mi|g|mg|kg|L|l|ml|mL|MB|GB|Mbit|Gbit)/(h|s|hr|min|sec|day|L|l|dL|dl|kg|m³|s²)(?!\w)",
        lambda match: f"{_plural(_NAMES[match[1]])} per {_RATES[match[2]]}",
    ),
)
