"""Pitch trackers find the pitch of tones whose pitch is known, on the spectrogram's frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.f0 import METHODS, track_pitch

RATE, HOP = 32_000, 640
FAST = ("dio", "harvest", "pyin")


def harmonic_tone(f0_hz: np.ndarray, sample_rate: int = RATE) -> np.ndarray:
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    return (0.3 * tone / np.abs(tone).max()).astype(np.float32)


@pytest.mark.slow
@settings(deadline=None, max_examples=8)
@given(st.floats(min_value=80.0, max_value=400.0), st.sampled_from(["dio", "harvest"]))
def test_steady_tones_are_found_within_one_percent(f0_hz: float, method: str) -> None:
    samples = harmonic_tone(np.full(RATE, f0_hz))
    pitch = track_pitch(samples, RATE, HOP, 50, method)
    inner = pitch.f0_hz[5:-5]
    assert (inner > 0).all()
    assert np.abs(inner / f0_hz - 1).max() < 0.01


@pytest.mark.parametrize("method", ["pyin", "crepe-tiny", pytest.param("crepe-full", marks=pytest.mark.slow)])
@pytest.mark.parametrize("f0_hz", [110.0, 240.0])
def test_other_trackers_find_steady_tones(method: str, f0_hz: float) -> None:
    pitch = track_pitch(harmonic_tone(np.full(RATE, f0_hz)), RATE, HOP, 50, method)
    inner = pitch.f0_hz[5:-5]
    assert (inner > 0).mean() > 0.9
    assert np.abs(inner[inner > 0] / f0_hz - 1).max() < 0.01


@pytest.mark.parametrize("method", ["dio", "harvest", "crepe-tiny"])
def test_frames_are_centred_where_the_spectrograms_are(method: str) -> None:
    glide_hz = np.linspace(150.0, 250.0, RATE)
    pitch = track_pitch(harmonic_tone(glide_hz), RATE, HOP, 50, method)
    centres = glide_hz[(np.arange(50) * HOP + HOP // 2)]
    inner = slice(5, -5)
    # Half a frame of offset would be 1 Hz here.
    assert abs(np.median(pitch.f0_hz[inner] - centres[inner])) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "n_samples"),
    [
        (method, n_samples)
        for method in METHODS
        for n_samples in (0, 1, 800, 6_400)
        # The small crepe stands for both where a network runs.
        if (method, n_samples) != ("crepe-full", 6_400)
    ],
)
def test_silence_and_very_short_clips_are_unvoiced(method: str, n_samples: int) -> None:
    pitch = track_pitch(np.zeros(n_samples, np.float32), RATE, HOP, 10, method)
    assert pitch.f0_hz.shape == pitch.voiced.shape == (10,)
    assert not pitch.voiced.any()


@pytest.mark.parametrize("method", ["dio", "harvest", "crepe-tiny", "pyin"])
def test_the_same_clip_gives_the_same_bytes(method: str) -> None:
    samples = harmonic_tone(np.linspace(120.0, 200.0, RATE // 2))
    first, second = (track_pitch(samples, RATE, HOP, 25, method) for _ in range(2))
    assert first.f0_hz.tobytes() == second.f0_hz.tobytes()


def test_noise_before_the_tone_does_not_count_as_pitch() -> None:
    silence = np.zeros(RATE // 2, np.float32)
    samples = np.concatenate([silence, harmonic_tone(np.full(RATE // 2, 200.0))])
    pitch = track_pitch(samples, RATE, HOP, 50, "dio")
    assert not pitch.voiced[:22].any()
    assert pitch.voiced[28:45].all()
    assert pitch.frame_rate_hz == 50.0


def test_unknown_method_and_unfit_hop_are_named() -> None:
    with pytest.raises(ValueError, match="harvest"):
        track_pitch(np.zeros(RATE, np.float32), RATE, HOP, 50, "yin")
    with pytest.raises(ValueError, match="CREPE"):
        track_pitch(np.zeros(22_050, np.float32), 22_050, 256, 86, "crepe-tiny")


def test_noise_has_no_pitch_for_crepe_however_loud() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    assert track_pitch(noise, RATE, HOP, 50, "crepe-tiny").voiced.mean() < 0.05


@pytest.mark.parametrize(("level_dbfs", "heard"), [(-59.5, True), (-60.5, False)])
def test_crepe_hears_nothing_60_db_below_full_scale(level_dbfs: float, heard: bool) -> None:
    tone = harmonic_tone(np.full(RATE, 200.0))
    tone *= 10 ** (level_dbfs / 20) / np.sqrt(np.mean(tone**2))
    voiced = track_pitch(tone, RATE, HOP, 50, "crepe-tiny").voiced[10:40]
    assert voiced.all() if heard else not voiced.any()
