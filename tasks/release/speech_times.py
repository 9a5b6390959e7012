"""When each word and phone is said, from the durations that a network spoke with."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.frontend.text.character_tokens import NO_PHONE, character_table
from models.frontend.text.characters import MARKS
from tasks.release.spelling import Spelled


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


def timed_words(spelled: Spelled, ends: Sequence[int], table: str) -> tuple[TimedWord, ...]:
    """The words of what was said at once; marks and pads are what is between them.

    A space belongs to the word after it: what is heard in its frames is that word's onset.

    Args:
        spelled: What was said.
        ends: The sample after the last of every token.
        table: The characters' table.
    """
    ids = character_table(table).ids
    characters = {number: one for one, number in ids.items()}
    tokens = spelled.tokens
    spoken: dict[int, TimedPhone] = {}
    begins = [0, *ends]
    for phone, group in itertools.groupby(range(len(tokens.ids)), key=lambda at: tokens.phone_of[at]):
        if phone != NO_PHONE:
            own = list(group)
            label = "".join(characters[tokens.ids[at]] for at in own)
            first = own[0] - (tokens.ids[own[0] - 1] == ids[" "])
            spoken[phone] = TimedPhone(label, begins[first], ends[own[-1]])
    words = []
    number = itertools.count()
    for word in spelled.words:
        phones = tuple(spoken[at] for _, at in zip(word.phones, number, strict=False) if at in spoken)
        if phones and word.text not in MARKS:
            words.append(TimedWord(word.text, phones[0].start, phones[-1].end, phones))
    return tuple(words)


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
