"""When each word and phone is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class TimedPhone(NamedTuple):
    """What the network read as one sound, and its first sample and the one after its last."""

    label: str
    start: int
    end: int


class TimedWord(NamedTuple):
    """A word as it is read, and its first sample and the one after its last."""

    text: str
    start: int
    end: int
    phones: tuple[TimedPhone, ...]


def shifted(
    words: Iterable[TimedWord], by: int, first: int = 0, last: int | None = None
) -> tuple[TimedWord, ...]:
    """The words so many samples later, held to the samples from `first` to `last`."""

    def moved(at: int) -> int:
        later = max(first, at + by)
        return later if last is None else min(later, last)

    return tuple(
        TimedWord(
            word.text,
            moved(word.start),
            moved(word.end),
            tuple(TimedPhone(label, moved(start), moved(end)) for label, start, end in word.phones),
        )
        for word in words
    )
