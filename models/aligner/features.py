"""Cepstra for the built-in aligner: 5 ms hop, so that a boundary can be better than the usual 10 ms grid."""

from __future__ import annotations

import functools
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import resample_poly

from models.frontend.mel_bands import htk_edges_hz, triangles

SAMPLE_RATE = 16000
HOP_SAMPLES = 80
HOP_S = HOP_SAMPLES / SAMPLE_RATE
WINDOW_SAMPLES = 320
N_FFT = 512
N_MELS = 26
N_CEPSTRA = 13
DELTA_REACH = 2
PAD_S = 0.3
_FLOOR_DB = -75.0
_PREEMPHASIS = 0.97


class Features(NamedTuple):
    """vectors: float32 [T, 39] cepstra and two differences, normalised per clip; level_db: float32 [T], frame
    energy under the clip's loudest; frame t is centred on (t + 0.5) * HOP_S of the padded clip."""

    vectors: NDArray[np.float32]
    level_db: NDArray[np.float32]


def to_16k(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Mono samples [T] at 16 kHz, float32."""
    if sample_rate == SAMPLE_RATE:
        return np.ascontiguousarray(samples, dtype=np.float32)
    common = gcd(sample_rate, SAMPLE_RATE)
    resampled = resample_poly(samples, SAMPLE_RATE // common, sample_rate // common)
    return np.asarray(resampled, dtype=np.float32)


def padded(samples: NDArray[np.float32], pad_s: float = PAD_S) -> NDArray[np.float32]:
    """Low noise before and after a clip at 16 kHz.

    Tightly trimmed clips hold no silence from which a flat start could learn what silence is; without this
    it takes speech for it (measured, docs/decisions/alignment.md). The noise is as quiet as the clip's own
    quietest moments and the same for the same clip.
    """
    n_pad = round(pad_s * SAMPLE_RATE)
    frame_rms = np.sqrt(np.mean(_frames(samples, WINDOW_SAMPLES, HOP_SAMPLES) ** 2, axis=1) + 1e-12)
    loud = float(frame_rms.max())
    level = float(np.clip(np.quantile(frame_rms, 0.02), loud * 1e-4, loud * 10**-2.25))
    noise = np.random.default_rng(len(samples)).standard_normal(2 * n_pad).astype(np.float32) * level
    return np.concatenate([noise[:n_pad], samples, noise[n_pad:]])


def extract(samples: NDArray[np.float32], pad_s: float = PAD_S) -> Features:
    """Features of a padded clip at 16 kHz, [n] samples -> [T] frames, T = n // HOP_SAMPLES.

    MFCC after Davis & Mermelstein 1980 with HTK's mel scale; mean and variance are taken over the clip
    without its padding, whose share would otherwise depend on the clip's length.
    """
    emphasised = np.append(samples[:1], samples[1:] - _PREEMPHASIS * samples[:-1])
    frames = _frames(emphasised, WINDOW_SAMPLES, HOP_SAMPLES) * np.hamming(WINDOW_SAMPLES)
    power = np.abs(np.fft.rfft(frames, N_FFT, axis=1)) ** 2
    mels = np.log(power @ _mel_filters().T + 1e-10)
    floor = mels.max() + _FLOOR_DB * np.log(10) / 10
    mels = np.maximum(mels, floor)
    cepstra = dct(mels, type=2, axis=1, norm="ortho")[:, :N_CEPSTRA]
    first = _difference(cepstra)
    vectors = np.concatenate([cepstra, first, _difference(first)], axis=1)
    n_pad = round(pad_s / HOP_S)
    core = vectors[n_pad : len(vectors) - n_pad] if len(vectors) > 2 * n_pad + 10 else vectors
    vectors = (vectors - core.mean(axis=0)) / (core.std(axis=0) + 1e-3)
    return Features(vectors.astype(np.float32), level_db(samples))


def level_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy of each 20 ms frame at a 5 ms hop under the loudest 5 % of the clip, dB, [T]."""
    energy = np.mean(_frames(samples, WINDOW_SAMPLES, HOP_SAMPLES) ** 2, axis=1)
    decibel = 10 * np.log10(energy + 1e-10)
    return (decibel - np.quantile(decibel, 0.95)).astype(np.float32)


def _frames(samples: NDArray[np.float32], size: int, hop: int) -> NDArray[np.float32]:
    """[n] -> [n // hop, size]: frame t is centred on sample (t + 0.5) * hop."""
    n_frames = max(1, len(samples) // hop)
    before = (size - hop) // 2
    need = (n_frames - 1) * hop + size
    extended = np.pad(samples, (before, max(0, need - before - len(samples))), mode="edge")
    starts = np.arange(n_frames)[:, None] * hop
    return extended[starts + np.arange(size)]


def _difference(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Regression slope over 2 x DELTA_REACH + 1 frames, [T, D]."""
    reach = np.arange(1, DELTA_REACH + 1)
    extended = np.pad(values, ((DELTA_REACH, DELTA_REACH), (0, 0)), mode="edge")
    n = len(values)
    slope = sum(
        step * (extended[DELTA_REACH + step :][:n] - extended[DELTA_REACH - step :][:n]) for step in reach
    )
    return np.asarray(slope / (2 * np.sum(reach**2)))


@functools.lru_cache(maxsize=1)
def _mel_filters() -> NDArray[np.float64]:
    """[N_MELS, N_FFT // 2 + 1] triangles, 60-7600 Hz."""
    bins_hz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    return np.asarray(triangles(bins_hz, htk_edges_hz(N_MELS, 60.0, 7600.0)))
