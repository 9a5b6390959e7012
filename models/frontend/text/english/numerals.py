"""English number words. num2words says the same a hundred times slower, with commas that would be pauses."""

from __future__ import annotations

import re

MAX_CARDINAL_DIGITS = 15
"""Longer runs of digits are identifiers: nobody says them as one number."""
_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_SIBILANT = ("s", "x", "z", "ch", "sh")

GROUPED = r"\d{1,3}(?:,\d{3})+(?!\d)|\d+"
"""A whole number, with or without commas between thousands."""
NUMBER = rf"(?:(?:{GROUPED})(?:\.\d+)?|\.\d+)"
"""The same with a fraction behind a point, or such a fraction alone."""


def cardinal(value: int) -> str:
    """0 or more in words: "one thousand nine hundred and eighty four"."""
    for scale, name in _SCALES:
        if value >= scale:
            rest = value % scale
            gap = "" if not rest else " and " if rest < 100 else " "
            return f"{cardinal(value // scale)} {name}{gap}{cardinal(rest) if rest else ''}"
    if value >= 100:
        rest = value % 100
        return f"{_SMALL[value // 100]} hundred" + (f" and {cardinal(rest)}" if rest else "")
    if value < 20:
        return _SMALL[value]
    return _TENS[value // 10] + (f" {_SMALL[value % 10]}" if value % 10 else "")


def ordinal(value: int) -> str:
    """0 or more: "twenty first"."""
    *before, last = cardinal(value).split(" ")
    if last not in _ORDINALS:
        last = last.removesuffix("y") + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*before, _ORDINALS.get(last, last)])


def year(value: int) -> str:
    """A year as it is said: "nineteen oh five", "two thousand and one"."""
    century, rest = divmod(value, 100)
    if value < 1000 or value > 9999 or (century % 10 == 0 and rest < 10):
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digit_by_digit(written: str) -> str:
    """ "zero zero four nine" of "0049"; what is no digit is left out."""
    return " ".join(_SMALL[int(digit)] for digit in written if digit.isdecimal())


def number(written: str) -> str:
    """What NUMBER matches, in words; digit by digit where it begins with 0 or is very long."""
    whole, point, fraction = written.replace(",", "").partition(".")
    if len(whole) > MAX_CARDINAL_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        said = digit_by_digit(whole)
    else:
        said = cardinal(int(whole or "0"))
    return f"{said} point {digit_by_digit(fraction)}" if point else said


def plural(words: str) -> str:
    """The last word of a number or a unit in the plural: "nineties", "inches", "feet"."""
    if words.endswith("foot"):
        return words[:-4] + "feet"
    if re.search(r"[^aeiou]y$", words):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(_SIBILANT) else "s")
