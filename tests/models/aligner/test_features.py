"""Cepstra of the built-in aligner beside those that librosa's and scipy's definitions give."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from scipy.fft import dct

from models.aligner.features import HOP_SAMPLES, SAMPLE_RATE, extract


@pytest.mark.slow
def test_cepstra_are_those_of_26_htk_bands() -> None:
    rng = np.random.default_rng(4)
    time_s = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    samples = (0.2 * np.sin(2 * np.pi * 300 * time_s**1.5) + 0.02 * rng.standard_normal(SAMPLE_RATE)).astype(
        np.float32
    )
    emphasised = librosa.effects.preemphasis(samples, coef=0.97, zi=np.array([0.0]))
    edge = np.pad(emphasised, (120, 320), mode="edge")
    frames = np.stack([edge[at : at + 320] for at in range(0, SAMPLE_RATE, HOP_SAMPLES)])
    power = np.abs(np.fft.rfft(frames * np.hamming(320), 512)) ** 2
    bands = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=512, n_mels=26, fmin=60, fmax=7600, htk=True, norm=None)
    decibel = librosa.power_to_db(power @ bands.T, amin=1e-10, top_db=75.0)
    cepstra = dct(decibel, norm="ortho")[:, :13]
    expected = (cepstra - cepstra.mean(0)) / cepstra.std(0)

    found = extract(samples, pad_s=0.0).vectors
    assert found.shape == (SAMPLE_RATE // HOP_SAMPLES, 39)
    np.testing.assert_allclose(found[:, :13], expected, rtol=2e-3, atol=2e-3)
