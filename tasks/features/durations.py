"""How many frames each phone lasts, from aligned times."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Clock(NamedTuple):
    """A clip's frames. edge_s: silence before and after it that has frames too but no part in its times."""

    n_frames: int
    frame_rate_hz: float
    clip_s: float
    edge_s: float = 0.0

    def frame(self, time_s: float) -> int:
        """The frame that begins nearest to a time in the clip."""
        return min(max(round((self.edge_s + time_s) * self.frame_rate_hz), 0), self.n_frames)


class PhoneFrames(NamedTuple):
    """durations: frames of each phone, which add up to the clip's.

    The rest says which of those frames are silence: the first `lead` of the first phone, the last `trail` of
    the last, and after each other phone the last `pauses[i]`.
    """

    durations: list[int]
    pauses: list[int]
    lead: int
    trail: int


class _Times(NamedTuple):
    """Start and end of every phone in seconds; None only where nothing was aligned before or after."""

    starts_s: list[float | None]
    ends_s: list[float | None]


def phone_frames(aligned: Sequence[Mapping[str, Any]], word2ph: Sequence[int], clock: Clock) -> PhoneFrames:
    """Frames of each phone, as many as phones, adding up to the clock's.

    aligned: intervals with start_s, end_s and word (index into the words; negative for silence), in time
    order; word2ph: phones per word. A word whose phone count differs from the aligner's shares its time out
    evenly. Phones that were not aligned (punctuation) take the pause around them, at the end up to the
    clip's; a pause without one belongs to the phone before it, silence at the edges to the outermost phones.
    """
    times = _phone_times(aligned, word2ph, clock.clip_s)
    boundaries = [0] * (len(times.starts_s) + 1)
    boundaries[-1] = clock.n_frames
    previous = 0
    for index, start_s in enumerate(times.starts_s):
        frame = 0 if index == 0 or start_s is None else clock.frame(start_s)
        previous = boundaries[index] = max(frame, previous)
    durations = [end - start for start, end in itertools.pairwise(boundaries)]
    silences = [
        0 if end_s is None else min(max(boundary - clock.frame(end_s), 0), duration)
        for end_s, boundary, duration in zip(times.ends_s, boundaries[1:], durations, strict=True)
    ]
    first_s = times.starts_s[0] or 0.0
    lead = min(clock.frame(first_s), durations[0] - silences[0])
    return PhoneFrames(durations, [*silences[:-1], 0], lead, silences[-1])


def _phone_times(aligned: Sequence[Mapping[str, Any]], word2ph: Sequence[int], clip_s: float) -> _Times:
    by_word: dict[int, list[Mapping[str, Any]]] = {}
    for interval in aligned:
        if interval["word"] >= 0:
            by_word.setdefault(interval["word"], []).append(interval)
    starts: list[float | None] = []
    ends: list[float | None] = []
    for word, n_phones in enumerate(word2ph):
        intervals = by_word.get(word, [])
        if len(intervals) == n_phones:
            starts += [interval["start_s"] for interval in intervals]
            ends += [interval["end_s"] for interval in intervals]
        elif intervals:
            first, last = intervals[0]["start_s"], intervals[-1]["end_s"]
            step = (last - first) / n_phones
            starts += [first + step * place for place in range(n_phones)]
            ends += [first + step * (place + 1) for place in range(n_phones)]
        else:
            starts += [None] * n_phones
            ends += [None] * n_phones
    ends_in_a_mark = ends[-1] is None
    _fill_gaps(starts, ends)
    if ends_in_a_mark:
        ends[-1] = clip_s
    return _Times(starts, ends)


def _fill_gaps(starts: list[float | None], ends: list[float | None]) -> None:
    """Runs of phones without times share the time between their neighbours evenly."""
    index = 0
    while index < len(starts):
        if starts[index] is not None:
            index += 1
            continue
        stop = index
        while stop < len(starts) and starts[stop] is None:
            stop += 1
        before = ends[index - 1] if index else 0.0
        after = starts[stop] if stop < len(starts) else before
        if before is not None and after is not None:
            step = (after - before) / (stop - index)
            for place in range(index, stop):
                starts[place] = before + step * (place - index)
                ends[place] = before + step * (place - index + 1)
        index = stop
