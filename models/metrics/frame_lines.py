"""Whether a vocoder hums at its own frame rate: lines in the spectrum at its multiples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BIN_HZ = 3.0
"""Resolution aimed at: lines of vocoders lie tens of Hz apart."""
_HIGHEST_HZ = 4000.0
_NEAR, _FAR = 4, 10
"""Bins from a line between which its neighbourhood is."""
_SOFTEST = 1e-12
"""Power that softer neighbours count as, beside a line of 1."""


def frame_line_db(wave: NDArray[np.float32], sample_rate: int, frame_rate_hz: float) -> float:
    """How far lines at multiples of the frame rate stand out of what is beside them, dB.

    The mean over the multiples up to 4 kHz, where those that do not stand out count as 0. Speech has 1 to 2:
    its pitch moves, so its harmonics are no lines. A hum of the frame rate has 10 and more.

    Args:
        wave: [S]; of less than a third of a second nothing can be said.
        sample_rate: Hz.
        frame_rate_hz: Of the frames that the vocoder makes sound of.

    Returns:
        NaN for a wave that is too short, or silent.
    """
    size = 2 ** round(np.log2(sample_rate / _BIN_HZ))
    if len(wave) < size or not np.any(wave):
        return float("nan")
    windows = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), size)[:: size // 4]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(size)))).mean(axis=0)
    power /= power.max()
    bin_hz = sample_rate / size
    heights = []
    for line in range(1, int(_HIGHEST_HZ / frame_rate_hz) + 1):
        at = round(line * frame_rate_hz / bin_hz)
        beside = np.concatenate((power[at - _FAR : at - _NEAR + 1], power[at + _NEAR : at + _FAR + 1]))
        heights.append(power[at - 1 : at + 2].max() / max(np.median(beside), _SOFTEST))
    return float(np.mean(10 * np.log10(np.maximum(heights, 1.0))))
