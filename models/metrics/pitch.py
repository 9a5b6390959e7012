"""Distance of two pitch tracks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

CENTS_PER_OCTAVE = 1200.0


class PitchError(NamedTuple):
    """How two pitch tracks differ.

    Attributes:
        rmse_cents: Root mean square over the frames that both call voiced; NaN when there are none.
        median_cents: Median of the magnitudes over the same frames, which octave errors of a tracker leave
            as it is; NaN likewise.
        correlation: Pearson's, of log F0 over the same frames; NaN below three frames or where one
            track is constant.
        voicing_error: Share of frames on whose voicing they disagree, 0-1.
        voiced_frames: Frames that both call voiced.
    """

    rmse_cents: float
    median_cents: float
    correlation: float
    voicing_error: float
    voiced_frames: int


def pitch_error(reference_hz: FloatArray, rendered_hz: FloatArray) -> PitchError:
    """Compare two tracks frame by frame; the longer one is cut to the shorter.

    Args:
        reference_hz: `[T]` fundamental frequency, 0 where unvoiced.
        rendered_hz: `[T']` likewise.

    Raises:
        ValueError: a track has no frame.
    """
    frames = min(len(reference_hz), len(rendered_hz))
    if frames == 0:
        raise ValueError("cannot compare pitch tracks without frames")
    reference, rendered = reference_hz[:frames], rendered_hz[:frames]
    both = (reference > 0) & (rendered > 0)
    disagree = float(np.mean((reference > 0) != (rendered > 0)))
    if not both.any():
        return PitchError(float("nan"), float("nan"), float("nan"), disagree, 0)
    log_reference = np.log2(reference[both].astype(np.float64))
    log_rendered = np.log2(rendered[both].astype(np.float64))
    cents = CENTS_PER_OCTAVE * (log_rendered - log_reference)
    return PitchError(
        rmse_cents=float(np.sqrt(np.mean(cents**2))),
        median_cents=float(np.median(np.abs(cents))),
        correlation=_correlation(log_reference, log_rendered),
        voicing_error=disagree,
        voiced_frames=int(both.sum()),
    )


def _correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
