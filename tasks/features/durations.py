"""How many frames each phone lasts, from aligned times."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any


def phone_durations(
    aligned: Sequence[Mapping[str, Any]],
    word2ph: Sequence[int],
    n_frames: int,
    frame_rate_hz: float,
) -> list[int]:
    """Frames of each phone, as many as phones, adding up to n_frames.

    aligned: intervals with start_s, end_s and word (index into the words; negative for silence), in time
    order; word2ph: phones per word. A word whose phone count differs from the aligner's shares its time out
    evenly. Phones that were not aligned (punctuation) take the pause around them; a pause without one
    belongs to the phone before it, silence at the edges to the outermost phones.
    """
    starts_s = _phone_times(aligned, word2ph)
    boundaries = [0] * (len(starts_s) + 1)
    boundaries[-1] = n_frames
    previous = 0
    for index, start_s in enumerate(starts_s):
        frame = 0 if index == 0 or start_s is None else round(start_s * frame_rate_hz)
        previous = boundaries[index] = min(max(frame, previous), n_frames)
    return [end - start for start, end in itertools.pairwise(boundaries)]


def _phone_times(aligned: Sequence[Mapping[str, Any]], word2ph: Sequence[int]) -> list[float | None]:
    """Start of every phone in seconds; None only where nothing was aligned before or after."""
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
    _fill_gaps(starts, ends)
    return starts


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
