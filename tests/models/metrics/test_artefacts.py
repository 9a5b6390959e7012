"""Artefacts are found where they were put, and not in people's speech."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.artefacts import artefacts, count_clicks
from tasks.corpus.embedded import embedded


@pytest.fixture(scope="module")
def speech() -> list[tuple[np.ndarray, int]]:
    """Recordings of a reader."""
    return [tuple(one.wave()) for one in embedded("held-out")]


def test_speech_has_none(speech: list[tuple[np.ndarray, int]]) -> None:
    for samples, rate in speech:
        found = artefacts(samples, rate)
        assert found.clicks_per_minute == 0
        assert found.clipped_share == 0
        assert found.dc_offset < 1e-3
        assert found.silence_share < 0.4


@pytest.mark.parametrize("height", [0.1, 0.5])
@pytest.mark.parametrize("number", [1, 7])
def test_clicks_are_counted(speech: list[tuple[np.ndarray, int]], number: int, height: float) -> None:
    samples, rate = speech[0]
    quiet = np.zeros(rate, np.float32)
    places = np.linspace(0.1, 0.9, number) * rate
    quiet[places.astype(int)] = height
    assert count_clicks(np.concatenate([samples, quiet]), rate) == number


def test_a_click_in_the_midst_of_speech(speech: list[tuple[np.ndarray, int]]) -> None:
    samples, rate = speech[0]
    loud = samples.copy()
    loud[len(loud) // 2] += np.float32(0.8)
    assert count_clicks(loud, rate) == 1


@pytest.mark.slow
def test_offset_clipping_and_silence_move_their_own_measure(speech: list[tuple[np.ndarray, int]]) -> None:
    samples, rate = speech[0]
    before = artefacts(samples, rate)
    assert artefacts(samples + np.float32(0.05), rate).dc_offset == pytest.approx(0.05, abs=1e-3)
    louder = np.clip(samples * 8 / np.abs(samples).max(), -1, 1).astype(np.float32)
    assert artefacts(louder, rate).clipped_share > 0.01
    padded = np.concatenate([samples, np.zeros(len(samples), np.float32)])
    assert artefacts(padded, rate).silence_share == pytest.approx(0.5 + before.silence_share / 2, abs=0.02)
