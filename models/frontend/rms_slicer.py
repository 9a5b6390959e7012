"""GPT-SoVITS's slicer: cuts where the level stays below a threshold, at the quietest frame of the silence.

Source: `tools/slicer2.py` of GPT-SoVITS, from openvpi's audio-slicer 2. It knows no voice, so `segmenter` is
the default; it is here for corpora that have to be cut as GPT-SoVITS cuts them. It has no longest piece:
`segments_of_pieces` cuts on what is too long.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.activity import HOP_S, Activity, pause_mask, runs
from models.frontend.segmenter import Limits, Segment, plan_segments

_WINDOW_HOPS = 4


class SlicerParameters(NamedTuple):
    """What is silence and where it is cut; the names are GPT-SoVITS's, times in milliseconds.

    threshold: level below which a frame is silent, dBFS.
    min_length: the piece before a cut is at least this long.
    min_interval: shortest silence that is cut.
    hop_size: distance of frames; their length is four of them, at most `min_interval`.
    max_sil_kept: silence that a piece keeps at each end, at most.
    """

    threshold: float = -34.0
    min_length: float = 4000.0
    min_interval: float = 300.0
    hop_size: float = 10.0
    max_sil_kept: float = 500.0


class Piece(NamedTuple):
    """A stretch `[start, end)` of a recording in samples."""

    start: int
    end: int


class _Frames(NamedTuple):
    """The parameters in samples (hop, window) and frames (the others)."""

    hop: int
    window: int
    min_length: int
    min_interval: int
    max_kept: int


def slice_silence(
    samples: NDArray[np.float32], sample_rate: int, parameters: SlicerParameters
) -> list[Piece]:
    """Pieces of `[T]` in order, without overlap, on a grid of hops; empty when all is silent."""
    frames = _in_frames(sample_rate, parameters)
    # The reference compares samples with frames here; such a recording is never cut.
    if samples.size <= frames.min_length:
        return [Piece(0, samples.size)] if samples.size else []
    level = frame_rms(samples, frames.window, frames.hop)
    silences = _cut_silences(level, level < 10 ** (parameters.threshold / 20), frames)
    starts = [0, *(end for _, end in silences)]
    ends = [*(start for start, _ in silences), level.size]
    pieces = [
        Piece(start * frames.hop, min(end * frames.hop, samples.size))
        for start, end in zip(starts, ends, strict=True)
    ]
    return [piece for piece in pieces if piece.start < piece.end]


def frame_rms(samples: NDArray[np.float32], window: int, hop: int) -> NDArray[np.float64]:
    """Root mean square `[1 + T // hop]` of frames centred every `hop` samples, zeros beyond the ends."""
    padded = np.pad(samples, window // 2)
    if padded.size < window:
        padded = np.pad(padded, (0, window - padded.size))
    framed = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.sqrt(np.einsum("nw,nw->n", framed, framed, dtype=np.float64) / window)


def segments_of_pieces(
    activity: Activity, pieces: list[Piece], sample_rate: int, limits: Limits
) -> list[Segment]:
    """Pieces as segments: one longer than `limits.max_s` is cut in its pauses, one without sound left out."""
    segments = []
    for piece in pieces:
        start_s, end_s = piece.start / sample_rate, piece.end / sample_rate
        inside = _part(activity, start_s, end_s)
        if end_s - start_s > limits.max_s:
            offset_s = int(start_s / HOP_S) * HOP_S
            segments += [
                Segment(max(start_s, offset_s + part.start_s), min(end_s, offset_s + part.end_s), part.forced)
                for part in plan_segments(inside, limits)
            ]
        elif not pause_mask(inside).all():
            segments.append(Segment(start_s, end_s, forced=False))
    return segments


def _in_frames(sample_rate: int, parameters: SlicerParameters) -> _Frames:
    samples_per_ms = sample_rate / 1000
    hop = round(parameters.hop_size * samples_per_ms)
    interval = parameters.min_interval * samples_per_ms
    return _Frames(
        hop=hop,
        window=min(round(interval), _WINDOW_HOPS * hop),
        min_length=round(parameters.min_length * samples_per_ms / hop),
        min_interval=round(interval / hop),
        max_kept=round(parameters.max_sil_kept * samples_per_ms / hop),
    )


def _cut_silences(
    level: NDArray[np.float64], silent: NDArray[np.bool_], frames: _Frames
) -> list[tuple[int, int]]:
    """Stretches of frames that are left out, as (end of the piece before, start of the piece after)."""
    cuts: list[tuple[int, int]] = []
    piece_start = 0
    for start, end in runs(silent):
        if end == level.size:
            if end - start >= frames.min_interval:
                last = _quietest(level, start, min(end, start + frames.max_kept) + 1)
                cuts.append((last, level.size))
            break
        leads = start == 0 and end > frames.max_kept
        if not leads and (end - start < frames.min_interval or end - piece_start < frames.min_length):
            continue
        left, right = _edges(level, start, end, frames.max_kept)
        cuts.append((0 if start == 0 else left, right))
        piece_start = right
    return cuts


def _edges(level: NDArray[np.float64], start: int, end: int, max_kept: int) -> tuple[int, int]:
    """Where the piece before a silence ends and the one after it starts.

    The first loud frame, `end`, may be chosen as well, as in the reference.
    """
    if end - start <= max_kept:
        quietest = _quietest(level, start, end + 1)
        return quietest, quietest
    left = _quietest(level, start, start + max_kept + 1)
    right = _quietest(level, end - max_kept, end + 1)
    if end - start <= 2 * max_kept and start > 0:
        # Both margins reach the middle: its quietest frame is left out as well.
        middle = _quietest(level, end - max_kept, start + max_kept + 1)
        return min(left, middle), max(right, middle)
    return left, right


def _quietest(level: NDArray[np.float64], start: int, end: int) -> int:
    return start + int(np.argmin(level[start:end]))


def _part(activity: Activity, start_s: float, end_s: float) -> Activity:
    """The activity of a stretch, whose times then count from its first frame."""
    first, last = int(start_s / HOP_S), int(np.ceil(end_s / HOP_S))
    stretch = slice(first, last)
    return Activity(
        activity.energy_db[stretch],
        activity.smooth_db[stretch],
        activity.speech_probability[stretch],
        activity.noise_db[stretch],
        activity.speech_db[stretch],
        end_s - first * HOP_S,
    )
