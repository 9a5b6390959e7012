"""Mel-cepstral distortion is what its definition says, on envelopes whose difference is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.cepstral import mel_cepstral_distortion_db

MELS = np.random.default_rng(3).normal(size=(80, 40))


def test_a_recording_is_not_distorted_against_itself() -> None:
    assert mel_cepstral_distortion_db(MELS, MELS) == 0.0


def test_loudness_does_not_count() -> None:
    assert mel_cepstral_distortion_db(MELS, MELS + 0.7) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("k", [1, 5, 13])
def test_a_ripple_of_a_known_height(k: int) -> None:
    """A cosine of `a` dB over the bands is `a / sqrt(2)` dB of distortion: its RMS."""
    bands = np.arange(80)
    ripple_db = 3.0 * np.cos(np.pi * k * (bands + 0.5) / 80)
    path = np.stack([np.arange(40)] * 2, axis=1)
    found = mel_cepstral_distortion_db(MELS, MELS + ripple_db[:, None] * np.log(10) / 20, path)
    assert found == pytest.approx(3.0 / np.sqrt(2), rel=1e-6)


def test_finer_ripples_than_the_thirteenth_are_not_seen() -> None:
    fine = np.cos(np.pi * 20 * (np.arange(80) + 0.5) / 80)
    path = np.stack([np.arange(40)] * 2, axis=1)
    assert mel_cepstral_distortion_db(MELS, MELS + fine[:, None], path) == pytest.approx(0.0, abs=1e-9)
