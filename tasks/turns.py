"""An order of clips in which the first few stand for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import TypeVar

from artifacts import digest

ItemT = TypeVar("ItemT")


def turns(queues: Iterable[Sequence[ItemT]]) -> Iterator[ItemT]:
    """The first of each queue, then the second of each, and so on; a queue that has ended is passed over."""
    for turn in zip_longest(*queues):
        yield from (item for item in turn if item is not None)


def in_turns(speakers: Sequence[str], names: Sequence[str]) -> list[int]:
    """Indices of clips: speakers take turns, each one's clips in the order of digests of their names.

    In the order of their names the first few would be one speaker's, or one session's.
    """
    of_speaker: dict[str, list[int]] = {}
    for index, speaker in enumerate(speakers):
        of_speaker.setdefault(speaker, []).append(index)
    queues = [
        sorted(own, key=lambda index: digest.of_value(names[index])) for _, own in sorted(of_speaker.items())
    ]
    return list(turns(queues))
