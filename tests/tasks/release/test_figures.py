"""Figures for the tracking server."""

from __future__ import annotations

import io

import numpy as np
import pytest

from tasks.release import figures

MEL = np.log(np.abs(np.random.default_rng(0).normal(size=(60, 20))) + 1e-3)
F0 = np.where(np.arange(60) % 20 < 12, 180.0, 0.0)
PHONES = [{"label": "$k", "start_s": 0.0, "end_s": 0.5}, {"label": "ə", "start_s": 0.5, "end_s": 1.2}]
NAN = float("nan")


def _drawn() -> dict[str, bytes]:
    return {
        "f0": figures.f0_figure(F0, 50.0),
        "mel": figures.mel_figure(MEL, 50.0),
        "alignment": figures.alignment_figure(MEL, 50.0, PHONES, PHONES[:1]),
        "durations": figures.histogram_figure([1.0, 2.0, NAN, 2.5], "Durations", "s"),
        "losses": figures.loss_figure({"mel": [(0, 2.0), (1, NAN), (2, 1.0)], "kl": [(0, 1.0)]}, "SoVITS"),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return _drawn()


@pytest.mark.parametrize("name", ["f0", "mel", "alignment", "durations", "losses"])
def test_figure_is_a_picture_with_something_on_it(drawn: dict[str, bytes], name: str) -> None:
    import matplotlib.image

    pixels = matplotlib.image.imread(io.BytesIO(drawn[name]), format="png")
    assert min(pixels.shape[:2]) > 150
    assert pixels[..., :3].std() > 0.01


@pytest.mark.slow
def test_the_same_arrays_are_the_same_bytes(drawn: dict[str, bytes]) -> None:
    assert _drawn() == drawn


def test_empty_inputs_still_draw() -> None:
    assert figures.f0_figure(np.zeros(0), 50.0)
    assert figures.histogram_figure([], "Durations", "s")
    assert figures.loss_figure({}, "SoVITS")
