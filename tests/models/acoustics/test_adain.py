"""The styled norm in the layout that speaking uses, beside the one of training and float64."""

from __future__ import annotations

import pytest
import torch

from models.acoustics.adain import AdaptiveInstanceNorm, normed_snake
from models.layers.cpu.layout import channels_last

CHANNELS, STYLE = 6, 4


@pytest.mark.parametrize("n_frames", [3_000, 150_000])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_rounding_does_not_grow_with_the_length(n_frames: int, offset: float) -> None:
    rng = torch.Generator().manual_seed(n_frames)
    x = offset + 3 * torch.randn(2, CHANNELS, n_frames, generator=rng)
    gain, bias, alpha = (
        torch.rand(*size, generator=rng) + 0.5 for size in [(2, CHANNELS)] * 2 + [(CHANNELS,)]
    )
    with torch.no_grad():
        spoken = normed_snake(channels_last(x), gain, bias, alpha)[:, :, 0]
    exact = normed_snake(x.double(), gain.double(), bias.double(), alpha.double())
    # Inputs far from 0 have digits of their own to lose.
    assert (spoken - exact).abs().max() < 5e-6 * (1 + offset)


def test_both_layouts_have_one_result() -> None:
    torch.manual_seed(3)
    norm = AdaptiveInstanceNorm(CHANNELS, STYLE)
    x, style = torch.randn(2, CHANNELS, 500), torch.randn(2, STYLE)
    with torch.no_grad():
        torch.testing.assert_close(norm(channels_last(x), style)[:, :, 0], norm(x, style), atol=1e-5, rtol=0)


def test_an_exported_norm_is_the_trained_one_and_a_constant_channel_is_its_bias(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(3)
    norm = AdaptiveInstanceNorm(CHANNELS, STYLE)
    x, style = torch.randn(1, CHANNELS, 500), torch.randn(1, STYLE)
    x[:, 0] = 2.0
    with torch.no_grad():
        plain = norm(x, style)
        monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
        torch.testing.assert_close(norm(x, style), plain, atol=1e-5, rtol=0)
