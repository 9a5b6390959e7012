"""The sine source over long stretches, where float32 sums of phase go astray."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.acoustics.fourier import ShortFourier
from models.acoustics.source import SineSource
from tests.models.golden_fill import normal

RATE, HOP = 24000, 300


def _melody(n_seconds: float) -> Tensor:
    """[1, F] Hz, voiced throughout, of a high voice."""
    t = torch.arange(int(n_seconds * RATE / HOP)) * (HOP / RATE)
    return (330 + 60 * torch.sin(2 * torch.pi * 0.7 * t) + 5 * normal("melody", len(t)))[None]


def _true_cycles(f0_hz: Tensor, harmonic: int) -> np.ndarray:
    """Phase at every sample by the definition, in float64: straight between the frames' middles."""
    per_frame = np.remainder(f0_hz.double().numpy() * harmonic / RATE, 1) * HOP
    middles = np.cumsum(per_frame)
    places = (np.arange(len(per_frame)) + 0.5) * HOP - 0.5
    return np.interp(np.arange(len(per_frame) * HOP), places, middles)


def test_phases_stay_true_over_a_minute() -> None:
    """Below 1e-3 rad of every harmonic."""
    f0_hz = _melody(60)
    cycles = SineSource(RATE, HOP).cycles(f0_hz)[0].double().numpy()
    for harmonic in range(1, cycles.shape[1] + 1):
        error = cycles[:, harmonic - 1] - _true_cycles(f0_hz[0], harmonic)
        assert 2 * np.pi * np.abs(error - np.round(error)).max() < 1e-3


def test_a_steady_pitch_is_heard_at_its_frequency() -> None:
    source = SineSource(RATE, HOP)
    f0_hz = torch.full((1, 400), 250.0)
    sines, _ = source.sines(f0_hz, torch.zeros(1, 400 * HOP, 9))
    spectrum = np.abs(np.fft.rfft(sines[0].numpy(), axis=0))
    peaks = np.fft.rfftfreq(400 * HOP, 1 / RATE)[spectrum.argmax(0)]
    np.testing.assert_allclose(peaks, 250.0 * np.arange(1, 10), atol=RATE / (400 * HOP))


def test_loudness_of_voiced_and_unvoiced_stretches() -> None:
    """A sine of a tenth where voiced; noise alone, a tenth of three deviations, where not."""
    source = SineSource(RATE, HOP)
    f0_hz = torch.cat((_melody(1), torch.zeros(1, 80)), dim=1)
    noise = source.draw_noise(f0_hz, torch.Generator().manual_seed(0))
    sines, voiced = source.sines(f0_hz, noise)
    loudness = [sines[voiced.expand_as(sines) == value].std() for value in (1, 0)]
    assert loudness[0] == pytest.approx(0.1 / 2**0.5, rel=0.02)
    assert loudness[1] == pytest.approx(0.1 / 3, rel=0.02)


def test_only_the_mixture_takes_gradients() -> None:
    source, f0_hz = SineSource(RATE, HOP), _melody(0.1).requires_grad_()
    source(f0_hz, source.draw_noise(f0_hz, None)).sum().backward()
    assert f0_hz.grad is None
    assert source.l_linear.weight.grad is not None


def _phases_that_tell_of_pitch(source: SineSource, hz: float) -> float:
    """Share of the frames of a short Fourier transform in which the lowest bin's sign changes, per period."""
    f0_hz = torch.full((1, 80), hz)
    wave = source(f0_hz, torch.zeros(1, 80 * HOP, source.n_harmonics)).detach()
    signs = ShortFourier(20, 5).transform(wave)[1][0, 0].cos() > 0
    return float((signs[1:] != signs[:-1]).sum()) / hz


def test_a_source_that_never_learns_sounds_its_pitch_whatever_was_drawn() -> None:
    """One period has a rise and a fall through zero, at least; an offset can drown all of them."""
    torch.manual_seed(0)
    drawn = [SineSource(RATE, HOP) for _ in range(20)]
    assert min(_phases_that_tell_of_pitch(source, 150.0) for source in drawn) < 0.1
    for source in drawn:
        source.weigh_alike()
        assert _phases_that_tell_of_pitch(source, 150.0) > 1.9
