"""Dates, written in figures or with the names of months."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import ordinal, year
from models.frontend.text.english.rule import Rule, before, rule

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday",
    "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)(?!\w)\.?"
)
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>1\d{3}|20\d\d)(?![\d%°]|[.,:-]\d)"
_UNTIL = r"(?: ?[-–] ?(?P<until>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?)?"


def _month(match: re.Match[str]) -> str:
    return next(month for month in _MONTHS if month.lower().startswith(match["month"][:3].lower()))


def _year(match: re.Match[str]) -> str:
    return f" {year(int(match['year']))}" if match["year"] else ""


def _days(match: re.Match[str]) -> str:
    until = f" to {ordinal(int(match['until']))}" if match["until"] else ""
    return f"{ordinal(int(match['day']))}{until}"


def _month_day(match: re.Match[str]) -> str:
    return f"{_month(match)} {_days(match)}{match['comma'] or ''}{_year(match)}"


def _day_month(match: re.Match[str]) -> str:
    article = "" if re.search(r"\bthe $", before(match), re.I) else "the "
    return f"{article}{_days(match)} of {_month(match)}{match['comma'] or ''}{_year(match)}"


def _in_figures(written_year: str, month: int, day: int) -> str:
    value = int(written_year)
    if len(written_year) == 2:
        value += 2000 if value < 50 else 1900
    return f"{_MONTHS[month - 1]} {ordinal(day)} {year(value)}"


def _year_first(match: re.Match[str]) -> str:
    month, day = int(match[3]), int(match[4])
    return _in_figures(match[1], month, day) if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


def _year_last(match: re.Match[str]) -> str:
    """Month before day, as in America, unless there is no such month or full stops part them."""
    first, second = int(match[1]), int(match[3])
    if match[2] == "." and len(match[4]) == 2:  # a version
        return match[0]
    month, day = (second, first) if match[2] == "." or first > 12 else (first, second)
    return _in_figures(match[4], month, day) if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,/-])(\d{4})([-/.])(\d\d?)\2(\d\d?)(?![\w/]|[-.]\d)", _year_first),
    rule(r"(?<![\w.,/-])(\d\d?)([-/.])(\d\d?)\2(\d{4}|\d\d)(?![\w/]|[-.]\d)", _year_last),
    rule(rf"(?<!\w){_MONTH} {_DAY}(?![\w:%]|\.\d|,\d){_UNTIL}(?:(?P<comma>,)? {_YEAR})?", _month_day),
    rule(rf"(?<![\w.,:/-]){_DAY}{_UNTIL}(?: of)? {_MONTH}(?:(?P<comma>,)? {_YEAR})?", _day_month),
    rule(rf"(?<!\w){_MONTH},? {_YEAR}", lambda match: f"{_month(match)}{_year(match)}"),
    rule(
        r"(?<!\w)(?P<month>Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)(?:\.(?= ?[\w,])|(?= \d))",
        _month,
    ),
    rule(
        rf"(?<!\w)({'|'.join(sorted(_DAYS, key=len, reverse=True))})(?:\.(?=,? \w)|(?=, \w+ \w+))",
        lambda match: _DAYS[match[1].lower()],
        re.I,
    ),
)  # fmt: skip
