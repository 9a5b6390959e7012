"""Praat's TextGrid format, text in, text out.

https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from models.aligner.alignment import Alignment, Interval, tiled

# In either format the data are the numbers, quoted texts and flags that stand alone; the long format adds
# names ("xmin = 0.5 ") and indices ("intervals [3]:") around them.
_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|<(exists|absent)>|(?<![\w\[.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w\]])'
)


def write_textgrid(alignment: Alignment, duration_s: float) -> str:
    """Long TextGrid with the tiers "words" and "phones"; silence is "". Marks without length are left out."""
    tiers = {"words": alignment.words, "phones": alignment.phones}
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {duration_s:.6f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        tiles = tiled(intervals, duration_s)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {duration_s:.6f}",
            f"        intervals: size = {len(tiles)}",
        ]
        for position, tile in enumerate(tiles, 1):
            label = tile.label.replace('"', '""')
            lines += [
                f"        intervals [{position}]:",
                f"            xmin = {tile.start_s:.6f}",
                f"            xmax = {tile.end_s:.6f}",
                f'            text = "{label}"',
            ]
    return "\n".join(lines) + "\n"


def read_textgrid(text: str) -> Mapping[str, Sequence[Interval]]:
    """Interval tiers by name, of a long or short TextGrid; point tiers are left out.

    Raises ValueError naming what is missing when the text is cut short or is something else.
    """
    reader = _Reader([_value(*found) for found in _TOKEN.findall(_without_index_lines(text))])
    if reader.string("file type") != "ooTextFile" or reader.string("object class") != "TextGrid":
        raise ValueError("not a TextGrid: it does not begin with ooTextFile and TextGrid")
    reader.number("xmin")
    reader.number("xmax")
    if reader.string("tiers flag") != "<exists>":
        return {}
    tiers: dict[str, list[Interval]] = {}
    for _ in range(reader.count("number of tiers")):
        kind, name = reader.string("tier class"), reader.string("tier name")
        reader.number("tier xmin")
        reader.number("tier xmax")
        size = reader.count(f"size of tier {name[:80]!r}")
        if kind == "IntervalTier":
            tiers[name] = [
                Interval(
                    start_s=reader.number("xmin"), end_s=reader.number("xmax"), label=reader.string("text")
                )
                for _ in range(size)
            ]
        else:
            for _ in range(size):
                reader.number("time")
                reader.string("mark")
    return tiers


def _value(quoted: str, flag: str, number: str) -> str | float:
    if number:
        return float(number)
    return f"<{flag}>" if flag else quoted.replace('""', '"')


def _without_index_lines(text: str) -> str:
    """Drops "item [1]:" and "intervals [2]:", whose numbers are no data."""
    return re.sub(r"^[ \t]*(?:item|intervals|points) \[\d*\]:[ \t\r]*$", "", text, flags=re.MULTILINE)


class _Reader:
    """Takes tokens one by one and says what was expected where they end or differ."""

    def __init__(self, tokens: Sequence[str | float]) -> None:
        self._tokens = tokens
        self._position = 0

    def number(self, what: str) -> float:
        token = self._next(what)
        if not isinstance(token, float):
            raise ValueError(f"not a whole TextGrid: {what} is {token[:80]!r}, a number is wanted")
        if not math.isfinite(token):
            raise ValueError(f"not a whole TextGrid: {what} is {token}, a finite number is wanted")
        return token

    def count(self, what: str) -> int:
        number = self.number(what)
        if number < 0 or number != int(number) or number > len(self._tokens):
            raise ValueError(
                f"not a whole TextGrid: {what} is {number:g}, more than the text holds or no number of them"
            )
        return int(number)

    def string(self, what: str) -> str:
        token = self._next(what)
        if not isinstance(token, str):
            raise ValueError(f"not a whole TextGrid: {what} is {token!r}, a text is wanted")
        return token

    def _next(self, what: str) -> str | float:
        if self._position >= len(self._tokens):
            raise ValueError(f"not a whole TextGrid: it ends before {what}")
        self._position += 1
        return self._tokens[self._position - 1]
