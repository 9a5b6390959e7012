"""A hum of the frame rate stands out, and a voice whose pitch moves does not."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.frame_lines import frame_line_db

RATE, FRAME_HZ = 24_000, 80.0


def voice(middle_hz: float = 170.0, seconds: float = 2.0) -> np.ndarray:
    """Harmonics whose pitch glides, and a little noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = middle_hz * 2 ** (0.3 * np.sin(2 * np.pi * 0.9 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 20))
    return (wave + 0.003 * np.random.default_rng(1).standard_normal(len(t))).astype(np.float32)


def hum(rate_hz: float, seconds: float = 2.0) -> np.ndarray:
    """The same sound in every frame."""
    frame = np.random.default_rng(2).standard_normal(round(RATE / rate_hz)).astype(np.float32)
    return 0.03 * np.tile(frame, int(seconds * rate_hz))


def test_a_voice_has_no_lines_at_the_frame_rate() -> None:
    assert frame_line_db(voice(), RATE, FRAME_HZ) < 4.0


@pytest.mark.parametrize(("rate_hz", "least"), [(80.0, 9.0), (160.0, 6.0)])
def test_a_hum_of_the_frame_rate_or_twice_it_has(rate_hz: float, least: float) -> None:
    """At twice the rate every other multiple is free of it."""
    assert frame_line_db(voice() + hum(rate_hz), RATE, FRAME_HZ) > least


def test_a_hum_of_another_rate_is_none_of_the_frames() -> None:
    assert frame_line_db(voice() + hum(150.0), RATE, 101.0) < 6.0


def test_loudness_does_not_matter() -> None:
    both = voice() + hum(80.0)
    assert frame_line_db(both * 0.01, RATE, FRAME_HZ) == pytest.approx(
        frame_line_db(both, RATE, FRAME_HZ), abs=0.1
    )


@pytest.mark.parametrize("wave", [voice()[:8000], np.zeros(RATE, np.float32)])
def test_nothing_is_said_of_too_little_and_of_silence(wave: np.ndarray) -> None:
    assert np.isnan(frame_line_db(wave, RATE, FRAME_HZ))
