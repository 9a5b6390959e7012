"""The filterbank's frames, floor and limits; its numbers are checked against a golden beside the network."""

import pytest
import torch

from models.frontend.fbank import KALDI_16K, kaldi_fbank


@pytest.mark.parametrize(("n_samples", "n_frames"), [(400, 1), (559, 1), (560, 2), (16_000, 98)])
def test_frames_do_not_reach_over_the_edges(n_samples: int, n_frames: int) -> None:
    wave = torch.sin(torch.arange(n_samples) * 0.1)
    assert kaldi_fbank(wave).shape == (n_frames, KALDI_16K.n_mels)


def test_silence_and_a_constant_are_the_floor() -> None:
    floor = torch.tensor(torch.finfo(torch.float32).eps).log()
    for wave in (torch.zeros(800), torch.full((800,), 0.25)):
        torch.testing.assert_close(kaldi_fbank(wave), floor.expand(3, 80))


def test_less_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"399 samples.*400 samples \(25 ms\)"):
        kaldi_fbank(torch.zeros(399))


@pytest.mark.parametrize("hz", [200.0, 1000.0, 4000.0])
def test_a_tone_lights_its_own_band(hz: float) -> None:
    wave = 0.5 * torch.sin(2 * torch.pi * hz * torch.arange(8000) / 16_000)
    band = int(kaldi_fbank(wave).mean(0).argmax())
    mel = 1127.0 * torch.log1p(torch.tensor([20.0, 8000.0, hz]) / 700.0)
    expected = float((mel[2] - mel[0]) / (mel[1] - mel[0]) * 81 - 1)
    assert abs(band - expected) <= 1.0


def test_twice_the_level_is_four_times_the_power() -> None:
    wave = 0.2 * torch.randn(4000, generator=torch.Generator().manual_seed(0))
    difference = kaldi_fbank(2 * wave) - kaldi_fbank(wave)
    torch.testing.assert_close(difference, torch.full_like(difference, 4.0).log(), rtol=0, atol=1e-3)
