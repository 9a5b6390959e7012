"""DistillMOS's spectrum, windows and file about a network of its form; its opinions where its weights are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from configs.errors import UserError
from models.metrics.distillmos import (
    FILE,
    SAMPLE_RATE,
    WINDOW,
    DistillMos,
    compressed_spectrum,
    distillmos,
)
from models.published import serialized
from models.threads import arithmetic_threads

Wave = NDArray[np.float32]


def tone(seconds: float) -> Wave:
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 220 * t) * (1 + np.sin(2 * np.pi * 4 * t)) / 2).astype(np.float32)


def hiss(seconds: float) -> Wave:
    return np.random.default_rng(7).uniform(-0.1, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def made() -> DistillMos:
    """A network of random weights, which tells sounds apart."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = DistillMos().eval().requires_grad_(False)
    last = network.transformer_pool_attn.pool.linear3
    last.weight.mul_(10)
    last.bias.sub_(5)
    return network


@pytest.fixture(scope="module")
def weights(made: DistillMos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("distillmos") / FILE
    path.write_bytes(serialized({"model": made.state_dict(), "step": 1}))
    return path


def heard(network: DistillMos, *windows: Wave) -> float:
    with torch.inference_mode(), arithmetic_threads(1):
        return float(np.mean([network(torch.from_numpy(one)[None]).item() for one in windows]))


@pytest.mark.slow
def test_the_file_gives_the_network_back_and_the_same_opinion_every_time(
    made: DistillMos, weights: Path
) -> None:
    wave = hiss(WINDOW / SAMPLE_RATE)
    found = distillmos(wave, weights)
    assert 1 < found < 5
    assert found == distillmos(wave, weights) == heard(made, wave)
    with arithmetic_threads(2):
        assert distillmos(wave, weights) == found
    assert distillmos(tone(WINDOW / SAMPLE_RATE), weights) != found


@pytest.mark.slow
def test_short_speech_is_followed_by_silence(weights: Path) -> None:
    wave = tone(2.5)
    assert distillmos(wave, weights) == distillmos(np.pad(wave, (0, WINDOW - len(wave))), weights)
    assert 1 < distillmos(wave[:1], weights) < 5


@pytest.mark.slow
def test_long_speech_is_heard_to_its_end(made: DistillMos, weights: Path) -> None:
    """1.5 s beyond a window are three windows: at the beginning, in the middle, at the end."""
    wave = np.concatenate((tone(5), hiss(WINDOW / SAMPLE_RATE + 1.5 - 5)))
    windows = [wave[start : start + WINDOW] for start in (0, 12_000, 24_000)]
    assert distillmos(wave, weights) == pytest.approx(heard(made, *windows), abs=1e-6)


@pytest.mark.slow
def test_loudness_is_no_matter(weights: Path) -> None:
    wave = hiss(3)
    assert distillmos(wave * np.float32(0.01), weights) == pytest.approx(distillmos(wave, weights), abs=1e-3)


def test_the_spectrum_keeps_phases_and_compresses_magnitudes() -> None:
    wave = hiss(0.5)
    found = compressed_spectrum(torch.from_numpy(wave)[None])
    assert found.shape == (1, 2, 161, 50)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 320)
    for frame in (0, 20, 49):
        spectrum = np.fft.rfft(np.pad(wave, 80, mode="reflect")[160 * frame :][:320] * hann)
        wanted = np.abs(spectrum) ** 0.3 * np.exp(1j * np.angle(spectrum))
        np.testing.assert_allclose(found[0, 0, :, frame], wanted.real, atol=2e-4)
        np.testing.assert_allclose(found[0, 1, :, frame], wanted.imag, atol=2e-4)


@pytest.mark.slow
def test_silence_has_a_finite_spectrum_and_an_opinion(weights: Path) -> None:
    assert torch.equal(compressed_spectrum(torch.zeros(1, 3200)), torch.zeros(1, 2, 161, 20))
    assert 1 < distillmos(np.zeros(SAMPLE_RATE, np.float32), weights) < 5


def test_another_file_is_refused_by_name(made: DistillMos, tmp_path: Path) -> None:
    path = tmp_path / FILE
    with pytest.raises(UserError, match="cannot be read"):
        distillmos(tone(1), path)
    path.write_bytes(serialized({"step": 1}))
    with pytest.raises(UserError, match="models fetch distillmos"):
        distillmos(tone(1), path)
    lacking = {name: value for name, value in made.state_dict().items() if "norm_trans" not in name}
    path.write_bytes(serialized({"model": lacking, "step": 1}))
    with pytest.raises(UserError, match=r"norm_trans.* is missing"):
        distillmos(tone(1), path)


@pytest.fixture(scope="module")
def published() -> Path:
    workspace = Path(os.environ.get("VOICEWRIGHT_WORKSPACE", "~/.voicewright")).expanduser()
    path = workspace / "models" / "distillmos" / FILE
    if not path.is_file():
        pytest.skip(f"{path} absent: `voicewright models fetch distillmos` gets it")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wave", "opinion"),
    [
        (tone(5), 1.186626),
        (tone(12.3), 1.305442),
        (hiss(5), 1.747274),
        (hiss(12.3), 1.499724),
        (np.zeros(SAMPLE_RATE, np.float32), 1.969043),
    ],
)
def test_the_published_weights_say_what_the_package_says(wave: Wave, opinion: float, published: Path) -> None:
    """Numbers of the package distillmos 0.9.1."""
    assert distillmos(wave, published) == pytest.approx(opinion, abs=1e-3)
