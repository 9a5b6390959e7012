"""Upsamplings that interpolate cannot make a decoder hum at its frame rate; those that are drawn do."""

from __future__ import annotations

import pytest
import torch

from models.acoustics.decoder import Decoder, DecoderConfig
from models.layers.conv import NormedConvTranspose1d
from models.metrics.frame_lines import frame_line_db

CONFIG = DecoderConfig(
    channels=16, style_dim=8, hidden=16, text_channels=4, upsample_initial=16, resblock_kernels=(3,)
)
FRAMES = 60


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra", "groups"),
    [(20, 10, 5, 0, 1), (12, 6, 3, 0, 1), (3, 2, 1, 1, 4)],
)
def test_a_steady_input_stays_steady(kernel: int, stride: int, padding: int, extra: int, groups: int) -> None:
    torch.manual_seed(0)
    layer = NormedConvTranspose1d(4, 4, kernel, stride, padding, extra, groups)
    steady = torch.randn(1, 4, 1).expand(1, 4, 12)
    inner = slice(2 * stride, -2 * stride)
    assert layer(steady)[..., inner].std(2).min() > 1e-3
    layer.begin_smooth()
    assert layer(steady)[..., inner].std(2).max() < 1e-6


def test_interpolating_keeps_how_loud_a_filter_is() -> None:
    torch.manual_seed(0)
    layer = NormedConvTranspose1d(4, 4, 20, 10, 5)
    drawn = layer.effective_weight().sum(2)
    layer.begin_smooth()
    torch.testing.assert_close(layer.effective_weight().sum(2), 10 * drawn)


def lines(decoder: Decoder) -> float:
    """Of what a decoder makes of a text that stands still, without any source, dB."""
    torch.manual_seed(1)
    text = torch.randn(1, CONFIG.channels, 1).expand(-1, -1, FRAMES)
    steady = torch.ones(1, 2 * FRAMES)
    har = torch.zeros(1, CONFIG.istft_n_fft + 2, 2 * FRAMES * CONFIG.hop_samples // CONFIG.istft_hop + 1)
    with torch.no_grad():
        wave = decoder(text, steady, steady, torch.randn(1, CONFIG.style_dim), har=har)[0, 0]
    inner = wave[4 * CONFIG.hop_samples : -4 * CONFIG.hop_samples]
    noisy = inner / inner.std() + 1e-2 * torch.randn(len(inner))
    return frame_line_db(noisy.numpy(), CONFIG.sample_rate, CONFIG.sample_rate / CONFIG.hop_samples)


def test_a_fresh_decoder_hums_unless_it_interpolates() -> None:
    torch.manual_seed(0)
    decoder = Decoder(CONFIG).eval()
    assert lines(decoder) > 8
    decoder.interpolate()
    assert lines(decoder) < 3


def test_the_filters_shapes_are_named() -> None:
    decoder = Decoder(CONFIG)
    names = {name for name, _ in decoder.named_parameters()}
    assert decoder.filter_shapes() == (
        "decode.3.pool.weight_v",
        "generator.ups.0.weight_v",
        "generator.ups.1.weight_v",
    )
    assert names.issuperset(decoder.filter_shapes())
