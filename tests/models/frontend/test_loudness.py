"""Levels: BS.1770 loudness, true peak, and a gain that passes neither."""

from __future__ import annotations

import numpy as np
import pytest

from models.frontend.loudness import SILENCE_LUFS, integrated_loudness, level, true_peak_dbfs

RATE = 48000


def sine(frequency_hz: float, peak: float, duration_s: float = 3.0, phase: float = 0.0) -> np.ndarray:
    time_s = np.arange(int(duration_s * RATE)) / RATE
    return (peak * np.sin(2 * np.pi * frequency_hz * time_s + phase)).astype(np.float32)


def test_a_full_scale_997_hz_sine_measures_minus_3_lufs() -> None:
    assert integrated_loudness(sine(997, 1.0), RATE) == pytest.approx(-3.01, abs=0.1)


def test_true_peak_finds_what_lies_between_samples() -> None:
    samples = sine(RATE / 4, 1.0, phase=np.pi / 4)
    assert np.abs(samples).max() == pytest.approx(0.7071, abs=1e-3)
    assert true_peak_dbfs(samples) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("target_lufs", [-30.0, -16.0, -8.0])
@pytest.mark.parametrize("crest", [1, 50])
def test_levelling_meets_the_target_or_the_ceiling_and_never_clips(target_lufs: float, crest: int) -> None:
    samples = sine(220, 0.01)
    samples[1000] = 0.01 * crest
    levelled = level(samples, RATE, target_lufs, -1.0)
    assert levelled.true_peak_dbfs <= -1.0 + 1e-6
    assert np.abs(levelled.samples).max() < 1.0
    assert true_peak_dbfs(levelled.samples) == pytest.approx(levelled.true_peak_dbfs, abs=0.01)
    reached = levelled.loudness_lufs == pytest.approx(target_lufs, abs=0.01)
    assert reached or levelled.true_peak_dbfs == pytest.approx(-1.0, abs=1e-6)
    np.testing.assert_allclose(
        levelled.samples, samples * 10 ** (levelled.gain_db / 20), rtol=1e-5, atol=1e-9
    )


@pytest.mark.parametrize("duration_s", [0.001, 0.1, 0.39])
def test_sounds_shorter_than_a_gating_block_have_a_loudness(duration_s: float) -> None:
    assert integrated_loudness(sine(997, 0.5, duration_s), RATE) == pytest.approx(-9.0, abs=3.0)


def test_silence_stays_silent() -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    levelled = level(silence, RATE, -20.0, -1.0)
    assert levelled.loudness_lufs == SILENCE_LUFS
    assert levelled.gain_db == 0.0
    assert not levelled.samples.any()


@pytest.mark.parametrize("n_samples", [0, 100, RATE])
def test_silence_has_the_lowest_loudness_however_short(n_samples: int) -> None:
    assert integrated_loudness(np.zeros(n_samples, np.float32), RATE) == SILENCE_LUFS
