"""Long filters by fewer products, beside their definition."""

from __future__ import annotations

import pytest
import torch

from models.layers.conv import NormedConv1d, fold_weight_norm
from models.layers.cpu import long_filters
from models.layers.cpu.layout import channels_last


def layer(channels: int, taps: int, dilation: int) -> NormedConv1d:
    torch.manual_seed(taps + dilation)
    return NormedConv1d(channels, channels, taps, padding=dilation * (taps - 1) // 2, dilation=dilation)


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "taps", "dilation"), [(128, 11, 1), (128, 11, 5), (256, 7, 3)])
@pytest.mark.parametrize("n_frames", [1, 61, 20_000])
def test_folded_filters_say_what_their_definition_says(
    channels: int, taps: int, dilation: int, n_frames: int
) -> None:
    convolution = layer(channels, taps, dilation)
    x, divisor = torch.randn(2, channels, n_frames), 0.5 + torch.rand(channels)
    with torch.no_grad():
        expected = convolution(x, divisor)
        fold_weight_norm(convolution)
        assert convolution.spread_weight is not None
        found = convolution(channels_last(x), divisor)[:, :, 0]
    assert (found - expected).norm() < 1e-5 * expected.norm()


def test_rows_of_a_batch_do_not_meet() -> None:
    convolution = layer(128, 11, 3)
    fold_weight_norm(convolution)
    x = torch.randn(3, 128, 333)
    with torch.no_grad():
        together = convolution(channels_last(x))
        for row in range(3):
            torch.testing.assert_close(convolution(channels_last(x[row : row + 1]))[0], together[row])


def test_few_channels_short_filters_and_gradients_keep_the_definition() -> None:
    for channels, taps in ((32, 11), (256, 3)):
        narrow = layer(channels, taps, 1)
        fold_weight_norm(narrow)
        assert narrow.spread_weight is None
    x = torch.zeros(1, 1, 1)
    assert not long_filters.pays(channels_last(x))
    with torch.no_grad():
        assert long_filters.pays(channels_last(x))
        assert not long_filters.pays(x)
        assert not long_filters.pays(channels_last(x.double()))


def test_no_file_holds_what_is_made_ready() -> None:
    convolution = layer(128, 11, 1)
    fold_weight_norm(convolution)
    assert set(convolution.state_dict()) == {"weight", "bias"}
