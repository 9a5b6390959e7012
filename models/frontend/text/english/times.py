"""Times of the day."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import number
from models.frontend.text.english.rule import Rule, letters, rule, stop_after

_HALF = r"(?P<half>[ap])\.? ?m(?:\.(?!\w)|(?![\w.]))|(?P<half2>[ap])m(?!\w)"
_CLOCK = r"(?:[01]?\d|2[0-4])"


def _half(match: re.Match[str]) -> str:
    said = letters(f"{match['half'] or match['half2']}m")
    return said + (stop_after(match) if match[0].endswith(".") else "")


def _clock(hour: str, minute: str, half: bool) -> str:
    """half: whether A M or P M follows."""
    said = number(str(int(hour)))
    if int(minute):
        return f"{said} {'oh ' if minute[0] == '0' else ''}{number(str(int(minute)))}"
    if half:
        return said
    return f"{said} o'clock" if 1 <= int(hour) <= 12 else f"{said} hundred"


def _in_half(match: re.Match[str]) -> str:
    low, hour, minute = match["low"], match["hour"], match["minute"]
    start = ""
    if low:
        start = f"{_clock(low, match['low_minute'] or '00', True)} to "
    return f"{start}{_clock(hour, minute or '00', True)} {_half(match)}"


def _with_seconds(match: re.Match[str]) -> str:
    said = _clock(match[1], match[2], False)
    seconds = int(match[3])
    return f"{said} and {number(str(seconds))} second{'' if seconds == 1 else 's'}"


def _plain(match: re.Match[str]) -> str:
    if re.match(r" ?(?:noon|midnight|hours|hrs)\b", match.string[match.end() :]) and match[2] == "00":
        return number(str(int(match[1]))) + ("" if int(match[1]) <= 12 else " hundred")
    return _clock(match[1], match[2], False)


RULES: tuple[Rule, ...] = (
    rule(r"(\d ?[ap]\.? ?m\.?) ?[-–] ?(?=\d)", r"\1 to ", re.I),
    rule(
        rf"(?<![\w.,:])(?:(?P<low>{_CLOCK})(?:[:.](?P<low_minute>[0-5]\d))? ?[-–] ?)?"
        rf"(?P<hour>{_CLOCK})(?:[:.](?P<minute>[0-5]\d))? ?(?:{_HALF})",
        _in_half,
        re.I,
    ),
    rule(rf"(?<![\w.,:])({_CLOCK}):([0-5]\d):([0-5]\d)(?![\w:])", _with_seconds),
    rule(rf"(?<![\w.,:])({_CLOCK}:[0-5]\d) ?[-–] ?(?={_CLOCK}:[0-5]\d)", r"\1 to "),
    rule(rf"(?<![\w.,:])({_CLOCK}):([0-5]\d)(?![\w:]|\.\d)", _plain),
    rule(r"(?<![\w.,:])(\d+):(\d\d\.\d+)(?![\w:])", lambda match: f"{number(match[1])} {number(match[2])}"),
    rule(
        r"(?<![\w.,:])(\d+):(\d+)(?![\w:]|\.\d)",
        lambda match: f"{number(match[1])} to {number(match[2])}",
    ),
)
"""The last one: what no clock shows is a ratio."""
