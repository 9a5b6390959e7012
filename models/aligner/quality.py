"""Signs that an alignment has failed, the same for every backend.

Flat-started aligners fail without an error: they call loud speech silence (measured on the Montreal Forced
Aligner and on our own). A wrong transcript, too, usually aligns without complaint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.aligner.alignment import AlignError, Alignment, Interval, is_pause

FRAME_S = 0.005
_WINDOW_S = 0.02
_LOUD_UNDER_SPEECH_DB = 22.0
_MIN_LOUD_RUN_FRAMES = 6
# Of less silence than this the loud share says nothing: a short word's edges are hardly longer than a phone.
_LEAST_SILENCE_S = 0.3


class Loudness(NamedTuple):
    """level_db: [T] frame levels, dB; loud: bool [T], as loud as speech; frames of FRAME_S."""

    level_db: NDArray[np.float64]
    loud: NDArray[np.bool_]


def loudness(samples: NDArray[np.float32], sample_rate: int) -> Loudness:
    """Which frames of a mono clip [n] are as loud as speech.

    Loud: less than 22 dB under the clip's loud level (95th percentile) and in the upper half between that
    and the quietest frames, so that a noisy room's silence is not loud. Runs under 30 ms are clicks.
    """
    hop = sample_rate * FRAME_S
    n_frames = max(1, int(len(samples) / hop))
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centres = (np.arange(n_frames) + 0.5) * hop
    half = sample_rate * _WINDOW_S / 2
    begin = np.clip((centres - half).astype(int), 0, len(samples))
    end = np.clip((centres + half).astype(int), begin + 1, max(len(samples), 1))
    level_db = 10 * np.log10((energy[end] - energy[begin]) / (end - begin) + 1e-12)
    top, floor = np.quantile(level_db, 0.95), np.quantile(level_db, 0.02)
    loud = level_db > max(top - _LOUD_UNDER_SPEECH_DB, (top + floor) / 2)
    return Loudness(level_db, without_short_runs(loud, _MIN_LOUD_RUN_FRAMES))


def without_short_runs(flags: NDArray[np.bool_], min_frames: int) -> NDArray[np.bool_]:
    """The same flags with runs of True shorter than `min_frames` cleared."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    kept = flags.copy()
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < min_frames:
            kept[start:end] = False
    return kept


class SilenceCheck(NamedTuple):
    """loud_ratio: share of the time labelled silence that is loud, where less than 0.3 s of silence count as
    0.3 s; loud_s: the loud time in seconds; swallowed_ratio: share of all loud time that is labelled silence;
    silence_s: time labelled silence."""

    loud_ratio: float
    loud_s: float
    swallowed_ratio: float
    silence_s: float


def check_silence(phones: Sequence[Interval], samples: NDArray[np.float32], sample_rate: int) -> SilenceCheck:
    """How much of what the phones leave over, or label as a pause, is loud."""
    loud = loudness(samples, sample_rate).loud
    silent = np.ones(len(loud), dtype=bool)
    for phone in phones:
        if not is_pause(phone.label):
            silent[round(phone.start_s / FRAME_S) : round(phone.end_s / FRAME_S)] = False
    n_loud_silent = int(np.count_nonzero(loud & silent))
    n_silent = max(round(_LEAST_SILENCE_S / FRAME_S), int(np.count_nonzero(silent)))
    return SilenceCheck(
        loud_ratio=n_loud_silent / n_silent,
        loud_s=n_loud_silent * FRAME_S,
        swallowed_ratio=n_loud_silent / max(1, int(np.count_nonzero(loud))),
        silence_s=int(np.count_nonzero(silent)) * FRAME_S,
    )


class Limits(NamedTuple):
    """What an alignment must keep to be believed.

    min_score: on the backend's scale; min_match: of `Alignment.match`, where there is one;
    max_swallowed_ratio: share of the loud time that may be labelled silence; min_swallowed_s: less than that
    may be, whatever its share; max_hasty_ratio: share of the
    phones that may last no longer than shortest_s, the least the backend can give.
    """

    min_score: float
    min_match: float
    max_swallowed_ratio: float
    min_swallowed_s: float
    max_hasty_ratio: float
    shortest_s: float


def require_plausible_rate(n_phones: int, duration_s: float, max_phones_per_s: float) -> None:
    """Raises AlignError(rate_outlier) for a text that nobody speaks in that time; asked before aligning."""
    rate = n_phones / max(duration_s, 1e-6)
    if rate > max_phones_per_s:
        raise AlignError(
            "rate_outlier",
            "phones_per_s",
            f"{rate:.1f}",
            f"{n_phones} phones in {duration_s:.2f} s is faster than anyone speaks "
            f"(`max_phones_per_s` {max_phones_per_s:g})",
            "check that the text belongs to this clip and that the recording is whole",
        )


def require_sound(alignment: Alignment, silence: SilenceCheck, limits: Limits) -> None:
    """Raises AlignError for an alignment that shows a sign of failure.

    text_mismatch: the phones fit the sound badly; align_failed: loud speech became silence, too many
    phones have the shortest possible length, or times run backwards.
    """
    check_times(alignment.phones)
    if not alignment.score >= limits.min_score:
        raise AlignError(
            "text_mismatch",
            "alignment_score",
            f"{alignment.score:.2f}",
            f"the text does not fit the sound (at least {limits.min_score:g} is wanted of "
            f"{alignment.backend})",
            "correct the text to what is spoken, or remove the clip",
        )
    if alignment.match < limits.min_match:
        raise AlignError(
            "text_mismatch",
            "match",
            f"{alignment.match:.2f}",
            f"the text fits the sound hardly better than its phones in another order would (at least "
            f"{limits.min_match:g} is wanted)",
            "correct the text to what is spoken, or remove the clip",
        )
    if silence.swallowed_ratio > limits.max_swallowed_ratio and silence.loud_s >= limits.min_swallowed_s:
        raise AlignError(
            "align_failed",
            "swallowed_ratio",
            f"{silence.swallowed_ratio:.2f}",
            f"{silence.loud_s:.2f} s of loud sound have no phone "
            f"(`max_swallowed_ratio` {limits.max_swallowed_ratio:g})",
            "check that the text is complete and nobody else speaks in the clip",
        )
    spoken = [phone for phone in alignment.phones if not np.isnan(phone.score)]
    hasty = sum(phone.duration_s <= limits.shortest_s + 1e-6 for phone in spoken)
    if len(spoken) >= 4 and hasty / len(spoken) > limits.max_hasty_ratio:
        raise AlignError(
            "align_failed",
            "hasty_ratio",
            f"{hasty / len(spoken):.2f}",
            f"{hasty} of {len(spoken)} phones have the shortest possible length "
            f"(`max_hasty_ratio` {limits.max_hasty_ratio:g})",
            "check that the text belongs to this clip",
        )


def check_times(intervals: Sequence[Interval]) -> None:
    """Raises AlignError(align_failed) unless the intervals are finite, in order and do not overlap."""
    clock = 0.0
    for interval in intervals:
        ordered = clock - 1e-6 <= interval.start_s <= interval.end_s
        if not (np.isfinite(interval.start_s) and np.isfinite(interval.end_s) and ordered):
            raise AlignError(
                "align_failed",
                "phones",
                f"{interval.label} {interval.start_s:.3f}-{interval.end_s:.3f} s",
                "the aligner's times are not in order",
                "report this with the recording; meanwhile try another `backend`",
            )
        clock = interval.end_s
