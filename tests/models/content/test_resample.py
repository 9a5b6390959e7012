"""Resampling keeps what both rates can hold, removes what the new one cannot, and passes gradients."""

import math

import pytest
import torch
from torch import Tensor

from models.content.resample import Resample
from models.frontend.audio import resample
from tests.models.golden_fill import normal


def _tone(hz: float, rate: int, seconds: float = 0.5) -> Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(round(seconds * rate)) / rate)[None]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24_000, 16_000), (16_000, 24_000), (44_100, 16_000)])
def test_tones_that_fit_stay_the_same_tones(from_hz: int, to_hz: int) -> None:
    for hz in (100, 1_000, 5_000):
        found, expected = Resample(from_hz, to_hz)(_tone(hz, from_hz)), _tone(hz, to_hz)
        assert found.shape == expected.shape
        torch.testing.assert_close(found[:, 100:-100], expected[:, 100:-100], rtol=0, atol=0.01)


def test_tones_that_do_not_fit_are_removed() -> None:
    assert Resample(24_000, 16_000)(_tone(10_500, 24_000))[:, 100:-100].abs().max() < 0.01


def test_speech_like_noise_agrees_with_a_resampler_of_higher_quality() -> None:
    spectrum = torch.fft.rfft(normal("noise", 24_000))
    spectrum[6_000:] = 0
    wave = torch.fft.irfft(spectrum)
    expected = torch.from_numpy(resample(wave.numpy(), 24_000, 16_000))[None]
    found = Resample(24_000, 16_000)(wave[None])
    error = (found - expected)[:, 100:-100]
    assert error.norm() < 0.01 * expected.norm()


@pytest.mark.parametrize("n", [1, 2, 3, 299, 300, 301])
def test_lengths_are_rounded_up_and_padding_is_silence(n: int) -> None:
    wave = normal("wave", 2, n)
    found = Resample(24_000, 16_000)(wave)
    assert found.shape == (2, math.ceil(n * 2 / 3))
    longer = Resample(24_000, 16_000)(torch.nn.functional.pad(wave, (0, 30)))
    torch.testing.assert_close(longer[:, : found.shape[1]], found, rtol=1e-5, atol=1e-6)


def test_equal_rates_change_nothing_and_gradients_are_exact() -> None:
    wave = normal("wave", 1, 20)
    assert torch.equal(Resample(16_000, 16_000)(wave), wave)
    assert torch.autograd.gradcheck(Resample(24_000, 16_000).double(), wave.double().requires_grad_())
