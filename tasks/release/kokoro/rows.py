"""Sentences in rows: what Kokoro says at once, and what of a row's sound is whose.

The published network speaks short texts worse than long ones, and the official package hands it as many
sentences of a text as go into a row. A row is cut again where it is quietest between two sentences, so each
of them keeps its own sound, times and pauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from models.frontend.audio import Samples
from models.frontend.text.character_tokens import NO_PHONE, character_table
from models.frontend.text.characters import MARKS
from tasks.release.sentences import Sentence
from tasks.release.spelling import Spelled

TABLE = "kokoro"
"""The family's characters."""

_QUIET_SAMPLES = 240
"""10 ms: over so much a place is quiet."""


class Row(NamedTuple):
    """What is said at once.

    Attributes:
        parts: One after the other, a space between; whole sentences, or one part of a long one.
        seed: Of its source's noise.
    """

    parts: tuple[Spelled, ...]
    seed: int

    @property
    def ids(self) -> list[int]:
        """Its characters between two pads."""
        space = character_table(TABLE).ids[" "]
        pad, *_ = self.parts[0].tokens.ids
        inner = [number for part in self.parts for number in (*part.tokens.ids[1:-1], space)]
        return [pad, *inner[:-1], pad]

    @property
    def speeds(self) -> list[float]:
        """Of its characters; a space between parts is said as the part after it."""
        inner = [speed for part in self.parts for speed in part.speeds[:-1]]
        return [*inner, self.parts[-1].speeds[-1]]

    @property
    def firsts(self) -> list[int]:
        """Places of the parts' first characters."""
        lengths = [len(part.tokens.ids) - 1 for part in self.parts]
        return [1 + sum(lengths[:at]) for at in range(len(lengths))]


class Unit(NamedTuple):
    """Several sentences in one row, or a sentence in as many rows as it needs."""

    sentences: tuple[Sentence, ...]
    rows: tuple[Row, ...]


def units(spelled: Iterable[tuple[Sentence, Sequence[Row]]], longest: int) -> Iterator[Unit]:
    """Sentences that follow one another joined in rows, as long as they go into one.

    A sentence before which the text asks for a pause begins a row.

    Args:
        spelled: Sentences, each in rows of its own.
        longest: Characters of a row, the pads not counted; 0 joins nothing.
    """
    waiting: list[tuple[Sentence, Row]] = []

    def joined() -> Iterator[Unit]:
        if waiting:
            sentences, rows = zip(*waiting, strict=True)
            yield Unit(sentences, (Row(tuple(row.parts[0] for row in rows), rows[0].seed),))
            waiting.clear()

    for sentence, rows in spelled:
        size = sum(_size(row) + 1 for _, row in waiting) + _size(rows[0])
        if len(rows) > 1 or size > longest or sentence.place.pause_s is not None:
            yield from joined()
        if len(rows) > 1:
            yield Unit((sentence,), tuple(rows))
        else:
            waiting.append((sentence, rows[0]))
            if not longest:
                yield from joined()
    yield from joined()


def _size(row: Row) -> int:
    return sum(len(part.tokens.ids) - 2 for part in row.parts)


def cuts(wave: Samples, row: Row, ends: Sequence[int], lead: int) -> list[int]:
    """Where the parts of a row begin, and its end: the quietest place from a part's last mark to the next.

    Args:
        wave: `[S]` of the row.
        row: What was said.
        ends: The sample after the last of every character.
        lead: Samples by which sounds come before their characters.
    """
    energy = np.concatenate(([0.0], np.square(wave, dtype=np.float64).cumsum()))
    places = [0]
    for part, first in zip(row.parts, row.firsts[1:], strict=False):
        last = first - 2
        # Without a mark at its end only the space is nobody's.
        start = ends[last - 1] if _ends_in_mark(part) else ends[last]
        start, end = max(places[-1], start - lead), max(places[-1], ends[first - 1] - lead)
        begins = np.arange(start, max(start + 1, end - _QUIET_SAMPLES))
        loud = energy[np.minimum(begins + _QUIET_SAMPLES, len(wave))] - energy[np.minimum(begins, len(wave))]
        places.append(min(len(wave), int(begins[loud.argmin()]) + _QUIET_SAMPLES // 2))
    return [*places, len(wave)]


def _ends_in_mark(part: Spelled) -> bool:
    return part.tokens.phone_of[-2] != NO_PHONE and part.words[-1].text in MARKS


def part_ends(row: Row, ends: Sequence[int], number: int) -> list[int]:
    """As `timed_words` takes them: the ends of a part's characters and of what stands in its pads' places."""
    first = row.firsts[number]
    last = first + len(row.parts[number].tokens.ids) - 2
    return list(ends[first - 1 : last + 1])
