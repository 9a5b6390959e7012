"""Loudness and true peak after ITU-R BS.1770, and a gain that respects both."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

SILENCE_LUFS = -70.0
"""The absolute gate of BS.1770: what is quieter has no loudness."""

_GATE_S = 0.4
_OVERSAMPLING = 4


class Levelled(NamedTuple):
    """Samples `[T]` after a gain of `gain_db`, with what they measure now (LUFS, dBFS)."""

    samples: NDArray[np.float32]
    gain_db: float
    loudness_lufs: float
    true_peak_dbfs: float


def integrated_loudness(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Gated loudness of mono samples `[T]`, LUFS; -70 for silence.

    BS.1770 needs one block of 0.4 s; shorter sounds are measured as if they went on.
    """
    import pyloudnorm

    if samples.size == 0:
        return SILENCE_LUFS
    needed = math.ceil(_GATE_S * sample_rate) + 1
    if samples.size < needed:
        samples = np.tile(samples, -(-needed // samples.size))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)  # the logarithm of silence
        loudness = float(pyloudnorm.Meter(sample_rate).integrated_loudness(samples.astype(np.float64)))
    return max(loudness, SILENCE_LUFS) if math.isfinite(loudness) else SILENCE_LUFS


def true_peak_dbfs(samples: NDArray[np.float32]) -> float:
    """Peak of the waveform between its samples `[T]`, dBFS (4x oversampled, BS.1770 Annex 2)."""
    if samples.size == 0:
        return -math.inf
    peak = float(np.abs(samples).max())
    block = 1 << 20
    for start in range(0, samples.size, block):
        context = samples[max(0, start - 64) : start + block + 64]
        peak = max(peak, float(np.abs(resample_poly(context, _OVERSAMPLING, 1)).max()))
    return 20 * math.log10(max(peak, 1e-7))


def level(
    samples: NDArray[np.float32],
    sample_rate: int,
    target_lufs: float | None,
    ceiling_dbfs: float,
) -> Levelled:
    """Bring `[T]` to `target_lufs` (None: leave), lower where its true peak would pass the ceiling.

    Gain is one number for the whole utterance: nothing is limited, wrapped or clipped.
    """
    loudness_lufs = integrated_loudness(samples, sample_rate)
    peak_dbfs = true_peak_dbfs(samples)
    gain_db = 0.0
    if target_lufs is not None and loudness_lufs > SILENCE_LUFS:
        gain_db = target_lufs - loudness_lufs
    gain_db = min(gain_db, ceiling_dbfs - peak_dbfs)
    levelled = samples if gain_db == 0.0 else (samples * np.float32(10 ** (gain_db / 20)))
    return Levelled(levelled, gain_db, loudness_lufs + gain_db, peak_dbfs + gain_db)
