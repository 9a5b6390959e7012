"""How SSML's <say-as> wants a text read: letter by letter, as a number, a date, a time, a telephone."""

from __future__ import annotations

import datetime
import re

from models.frontend.text.numbers import digit_words, number_words, parse_number
from models.frontend.text.phonemized import base_language

READINGS = ("characters", "spell-out", "cardinal", "ordinal", "date", "time", "telephone")
FORMATS = {
    "date": ("mdy", "dmy", "ymd", "ydm", "md", "dm", "ym", "my", "y"),
    "time": ("hms12", "hms24"),
}
"""Which order the parts of a date have; a time is read as it is written."""

_SKELETONS = {"dm": "MMMMd", "my": "yMMMM", "y": "y"}
_ISO_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_ANY_YEAR = 2000
"""A leap year, for dates without one."""


def said_as(text: str, reading: str, form: str | None, language: str) -> str:
    """The text as words, or as one that the language's own rules read in that way.

    Args:
        text: As written, not empty.
        reading: One of READINGS.
        form: One of its FORMATS.
        language: Code.

    Raises:
        ValueError: it is no such thing, or the language has no words for it.
    """
    base = base_language(language)
    if reading in ("characters", "spell-out"):
        return _spelled(text, base)
    if reading in ("cardinal", "ordinal"):
        return _number(text, reading, base)
    if reading == "date":
        return _date(text, form, base)
    return _telephone(text, base) if reading == "telephone" else text


def _spelled(text: str, base: str) -> str:
    letters = [one.upper() if len(one.upper()) == 1 else one for one in text if not one.isspace()]
    return " ".join((one.isdecimal() and digit_words(one, base)) or one for one in letters)


def _number(text: str, reading: str, base: str) -> str:
    value = parse_number(text, base)
    if value is None or value != int(value) or abs(value) >= 10**15:
        raise ValueError(f"{text[:20]!r} is no whole number")
    words = number_words(int(value), base, reading)
    if words is None and reading == "ordinal":
        raise ValueError(f"no ordinal numbers are known in {base}; write it in words")
    return words or text


def _telephone(text: str, base: str) -> str:
    # Words are part of a number as well: "ext. 5", "1-800-FLOWERS".
    groups = re.findall(r"\+|\d+|[^\W\d_]+", text)
    if not any(group.isdecimal() for group in groups):
        raise ValueError(f"{text[:20]!r} has no digit")
    read = ", ".join(_group(group, base) for group in groups if group != "+")
    return f"+ {read}" if groups[0] == "+" else read


def _group(text: str, base: str) -> str:
    """Digits one by one, a word as it is."""
    return (digit_words(text, base) or " ".join(text)) if text.isdecimal() else text


def _date(text: str, form: str | None, base: str) -> str:
    """As the language writes a date out; its rules read what has no format."""
    from babel import Locale, UnknownLocaleError
    from babel.dates import format_date, format_skeleton

    if form is None:
        if not _ISO_DATE.fullmatch(text):
            return text
        form = "ymd"
    numbers = [int(number) for number in re.findall(r"\d{1,4}", text)]
    if len(numbers) != len(form):
        raise ValueError(f"{text[:20]!r} has not the parts of the format {form}")
    given = dict(zip(form, numbers, strict=True))
    try:
        day = datetime.date(given.get("y", _ANY_YEAR), given.get("m", 1), given.get("d", 1))
        locale = Locale.parse(base)
    except UnknownLocaleError:
        return text
    except ValueError as error:
        raise ValueError(f"{text[:20]!r} is no date in the format {form} ({error})") from error
    if len(form) == len("ymd"):
        return str(format_date(day, "long", locale))
    skeleton = next(own for name, own in _SKELETONS.items() if set(name) == set(form))
    return str(format_skeleton(skeleton, day, locale=locale))
