"""Cut a recording into utterances: the cheapest path through its pauses.

Every pause is a place where a cut is allowed; the path from the first to the last decides which are
used. Long pauses cost to leave uncut, short ones cost to cut, and a cut inside speech costs so much
that it is only made when a stretch longer than the maximum has no pause at all. A segment outside
[min_s, max_s] is not on any path, so the limits are hard.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.activity import HOP_S, Activity, pause_mask, runs

_SHORTEST_PAUSE_S = 0.05
_CORE_DB = 4.0
_CORE_REACH_S = 0.5
_FORCED_EVERY_S = 0.3
_FORCED_COST = 60.0
_BELOW_MINIMUM_COST = 1e4


class Limits(NamedTuple):
    """Hard limits and margins, all in seconds.

    min_s, max_s: shortest and longest segment, padding included.
    pad_s: silence kept on each side of speech, less where the neighbour is nearer.
    split_pause_s: a pause at least this long is cut wherever the limits allow.
    """

    min_s: float
    max_s: float
    pad_s: float
    split_pause_s: float


class Boundary(NamedTuple):
    """One place to cut.

    left_end_s, right_start_s: where the segment before ends and the one after starts.
    limit_s: neither may reach past this.
    cut_cost, keep_cost: price of cutting here and of running through.
    forced: the place is no pause, only the least energy around.
    """

    left_end_s: float
    right_start_s: float
    limit_s: float
    cut_cost: float
    keep_cost: float
    forced: bool


class Segment(NamedTuple):
    """A piece of the recording in seconds; `forced` says an edge had to be cut inside speech."""

    start_s: float
    end_s: float
    forced: bool


def plan_segments(activity: Activity, limits: Limits) -> list[Segment]:
    """Segments of a recording in order, without overlap; empty when nothing but pause is found."""
    pause = pause_mask(activity)
    if pause.all():
        return []
    boundaries = _boundaries(activity, pause, limits)
    path = _cheapest_path(boundaries, limits)
    segments = []
    for left, right in itertools.pairwise(path):
        start_s, end_s = _extent(boundaries[left], boundaries[right], limits.min_s)
        inside = pause[int(start_s / HOP_S) : max(int(start_s / HOP_S) + 1, int(end_s / HOP_S))]
        if not inside.all():
            forced = boundaries[left].forced or boundaries[right].forced
            segments.append(Segment(start_s, end_s, forced))
    return segments


def trim_silence(activity: Activity, longest_s: float, keep_s: float) -> tuple[float, float]:
    """Start and end in seconds of a clip whose outer silence, where longer than `longest_s`, is
    cut down to `keep_s`. A clip without any sound comes back whole."""
    sound = np.flatnonzero(~pause_mask(activity))
    if sound.size == 0:
        return 0.0, activity.duration_s
    first_s, last_s = float(sound[0] * HOP_S), float((sound[-1] + 1) * HOP_S)
    start_s = first_s - keep_s if first_s > longest_s else 0.0
    trailing_s = activity.duration_s - last_s
    end_s = last_s + keep_s if trailing_s > longest_s else activity.duration_s
    return max(0.0, start_s), min(activity.duration_s, end_s)


def _boundaries(activity: Activity, pause: NDArray[np.bool_], limits: Limits) -> list[Boundary]:
    n_frames = pause.size
    pauses = runs(pause)
    leading_s = pauses[0][1] * HOP_S if pauses and pauses[0][0] == 0 else 0.0
    trailing_from_s = activity.duration_s
    if pauses and pauses[-1][1] == n_frames:
        trailing_from_s = pauses[-1][0] * HOP_S
    start = Boundary(0.0, max(0.0, leading_s - limits.pad_s), 0.0, 0.0, 0.0, False)
    end_s = min(activity.duration_s, trailing_from_s + limits.pad_s)
    end = Boundary(end_s, activity.duration_s, activity.duration_s, 0.0, 0.0, False)
    inner = [(a, b) for a, b in pauses if a > 0 and b < n_frames]
    inner = [(a, b) for a, b in inner if (b - a) * HOP_S >= _SHORTEST_PAUSE_S]
    between = [_pause_boundary(activity, a, b, limits) for a, b in inner]
    edges = [0, *[frame for a_b in inner for frame in a_b], n_frames]
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if (b - a) * HOP_S > limits.max_s / 3:
            between += _forced_boundaries(activity, a, b)
    return [start, *sorted(between, key=lambda boundary: boundary.limit_s), end]


def _pause_boundary(activity: Activity, a: int, b: int, limits: Limits) -> Boundary:
    length_s = (b - a) * HOP_S
    left_end, limit_s, right_start = _cut_times(activity, a, b, limits.pad_s)
    if length_s >= limits.split_pause_s:
        return Boundary(left_end, right_start, limit_s, 0.0, 10.0 + 10.0 * length_s, False)
    shortness = 1.0 - length_s / limits.split_pause_s
    voiced = float(activity.speech_probability[a:b].min())
    middle = slice(a + (b - a) // 4, b - (b - a) // 4)
    range_db = np.maximum(activity.speech_db[middle] - activity.noise_db[middle], 6.0)
    height = (activity.smooth_db[middle] - activity.noise_db[middle]) / range_db
    loudness = float(np.clip(height.min(), 0.0, 1.0))
    cost = 1.0 + 12.0 * shortness + 4.0 * voiced + 12.0 * loudness
    return Boundary(left_end, right_start, limit_s, cost, 0.0, False)


def _cut_times(activity: Activity, a: int, b: int, pad_s: float) -> tuple[float, float, float]:
    """End of the segment before, middle, and start of the one after a pause `[a, b)`, seconds.

    A pause has a core, its quietest stretch: around it lie decaying sounds, breaths, or the room of
    one recording joined to the silence of another. Cuts go into the core where it is in reach of the
    padding, and to the quietest place near the padding elsewhere.
    """
    level = activity.smooth_db[a:b]
    quiet = runs(level <= np.percentile(level, 25) + _CORE_DB)
    core_start, core_end = max(quiet, key=lambda run: run[1] - run[0])
    core_start, core_end = core_start + a, core_end + a
    middle = (core_start + core_end) // 2
    inset = min(5, (core_end - core_start) // 4)
    pad, reach = round(pad_s / HOP_S), round(_CORE_REACH_S / HOP_S)
    left_end = max(a + pad, core_start + inset)
    if left_end > a + pad + reach:
        left_end = _quietest(activity, a + pad // 2, a + pad + 1)
    right_start = min(b - pad, core_end - inset)
    if right_start < b - pad - reach:
        right_start = _quietest(activity, b - pad, b - pad // 2)
    if left_end >= right_start:
        left_end = right_start = middle
    return left_end * HOP_S, 0.5 * (left_end + right_start) * HOP_S, right_start * HOP_S


def _forced_boundaries(activity: Activity, a: int, b: int) -> list[Boundary]:
    """The quietest place of every 0.3 s of an unbroken stretch, dearer the louder it is there."""
    step = round(_FORCED_EVERY_S / HOP_S)
    boundaries = []
    for start in range(a + step, b - step, step):
        frame = _quietest(activity, start, start + step)
        time_s = (frame + 0.5) * HOP_S
        below_db = float(np.clip(activity.speech_db[start] - activity.smooth_db[frame], 0.0, 60.0))
        cost = _FORCED_COST + 2.0 * (60.0 - below_db)
        boundaries.append(Boundary(time_s, time_s, time_s, cost, 0.0, True))
    return boundaries


def _quietest(activity: Activity, start: int, end: int) -> int:
    """The quietest frame in `[start, end)`."""
    return start + int(np.argmin(activity.smooth_db[start : max(end, start + 1)]))


def _extent(left: Boundary, right: Boundary, min_s: float) -> tuple[float, float]:
    """Start and end of the segment between two boundaries; one too short borrows from its pauses."""
    start_s, end_s = left.right_start_s, right.left_end_s
    missing_s = min_s - (end_s - start_s)
    if missing_s > 0:
        room_before_s = start_s - left.limit_s
        room_after_s = right.limit_s - end_s
        before_s = min(room_before_s, max(missing_s / 2, missing_s - room_after_s))
        start_s -= before_s
        end_s += min(room_after_s, missing_s - before_s)
    return start_s, end_s


def _cheapest_path(boundaries: list[Boundary], limits: Limits) -> list[int]:
    """Indices of the boundaries to cut at, first and last included (Viterbi over segment ends)."""
    keep = np.cumsum([0.0] + [boundary.keep_cost for boundary in boundaries])
    best = np.full(len(boundaries), np.inf)
    best[0] = 0.0
    came_from = np.zeros(len(boundaries), dtype=np.int64)
    for j in range(1, len(boundaries)):
        for i in range(j - 1, -1, -1):
            natural_s = boundaries[j].left_end_s - boundaries[i].right_start_s
            if natural_s > limits.max_s and best[j] < np.inf:
                break
            start_s, end_s = _extent(boundaries[i], boundaries[j], limits.min_s)
            cost = best[i] + boundaries[j].cut_cost + keep[j] - keep[i + 1]
            # One frame of slack: times are on a grid.
            if end_s - start_s < limits.min_s - HOP_S:
                cost += _BELOW_MINIMUM_COST
            if end_s - start_s > limits.max_s:
                cost += _BELOW_MINIMUM_COST * (end_s - start_s)
            if cost < best[j]:
                best[j], came_from[j] = cost, i
    path = [len(boundaries) - 1]
    while path[-1] > 0:
        path.append(int(came_from[path[-1]]))
    return path[::-1]
