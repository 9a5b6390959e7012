"""Reverberation against rooms whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve

from bench.denoising import in_room, read
from configs.screen import ScreenSettings
from models.frontend.reverberation import reverberation_s

RATE = 16_000
WARNS = ScreenSettings().warn_reverberation_s


def syllables(n: int = 40, seed: int = 0) -> np.ndarray:
    """Bursts of noise of .1 to .3 s that end within 20 ms, with gaps of .2 to .5 s."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(n):
        burst = rng.standard_normal(int(rng.uniform(0.1, 0.3) * RATE))
        fall = np.exp(-np.log(1000) * np.arange(int(0.25 * RATE)) / (0.15 * RATE))
        parts += [burst, rng.standard_normal(fall.size) * fall, np.zeros(int(rng.uniform(0.2, 0.5) * RATE))]
    return (0.1 * np.concatenate(parts)).astype(np.float32)


def room(seconds: float, seed: int = 1) -> np.ndarray:
    n = int(1.2 * seconds * RATE)
    return np.random.default_rng(seed).standard_normal(n) * np.exp(
        -np.log(1000) * np.arange(n) / (seconds * RATE)
    )


def heard_in(seconds: float) -> float:
    wet = fftconvolve(syllables(), room(seconds))
    found = reverberation_s((0.3 * wet / np.abs(wet).max()).astype(np.float32), RATE)
    assert found is not None
    return found


@pytest.mark.parametrize("seconds", [0.4, 0.6, 0.8, 1.2])
def test_the_seconds_of_a_room_are_found(seconds: float) -> None:
    assert heard_in(seconds) == pytest.approx(seconds, rel=0.25)


def test_a_dry_recording_is_far_from_a_warning() -> None:
    found = reverberation_s(syllables(), RATE)
    assert found is not None
    assert found < 0.8 * WARNS


def test_the_level_and_the_rate_do_not_count() -> None:
    wet = fftconvolve(syllables(), room(0.6)).astype(np.float32)
    loud, quiet = reverberation_s(wet, RATE), reverberation_s(wet * np.float32(0.05), RATE)
    assert loud is not None
    assert quiet == pytest.approx(loud, rel=1e-3)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(RATE), np.ones(RATE)])
def test_what_has_no_ends_of_sounds_tells_nothing(samples: np.ndarray) -> None:
    assert reverberation_s(samples.astype(np.float32), RATE) is None


def test_steady_noise_is_no_room() -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    found = reverberation_s(0.1 * noise, RATE)
    assert found is None or found < WARNS


@pytest.mark.parametrize("corpus", ["ljs-mini", "readers"])
def test_real_speech_in_a_room_of_six_tenths_of_a_second_is_noticed_and_dry_speech_is_not(
    speech: Path, corpus: str
) -> None:
    rng = np.random.default_rng(0)
    for path in sorted((speech / corpus / "wavs").iterdir())[:3]:
        samples, rate = read(path)
        dry, wet = (reverberation_s(x, rate) for x in (samples, in_room(samples, rate, 0.6, None, rng)))
        assert dry is not None
        assert wet is not None
        assert dry < WARNS < wet
