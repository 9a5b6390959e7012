"""Convolutions and cuts, each against its definition."""

import math

import pytest
import torch
from torch import nn

from models.layers.conv import NormedConv1d, NormedConv2d, NormedConvTranspose1d
from models.layers.masking import slice_frames
from tests.models.golden_fill import integers, normal

SEEDS = range(4)


def _sizes(seed: int, *limits: int) -> list[int]:
    """One size in 1..limit for each; the first seed has every size 1."""
    return [
        int(integers(f"restated/{seed}/{i}", 1, limit + 1)) if seed else 1 for i, limit in enumerate(limits)
    ]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (NormedConv1d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9)),
        (NormedConv2d(3, 4, (5, 1), (3, 1), (2, 0)), (2, 3, 9, 2)),
        (NormedConvTranspose1d(4, 3, 16, 8, 4), (2, 4, 5)),
    ],
)
def test_weight_norm_sets_length_apart_from_direction(layer: nn.Module, shape: tuple[int, ...]) -> None:
    x = normal("conv", *shape)
    before = layer(x)
    with torch.no_grad():
        layer.weight_v.mul_(3)
    torch.testing.assert_close(layer(x), before, rtol=1e-4, atol=1e-5)
    norms = layer.effective_weight().flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, layer.weight_g.flatten(), rtol=1e-5, atol=1e-6)
    layer.fold()
    torch.testing.assert_close(layer(x), before, rtol=1e-4, atol=1e-5)


def test_slices_start_where_told_and_short_rows_are_padded() -> None:
    x = torch.arange(20.0).view(2, 1, 10)
    cut = slice_frames(x, torch.tensor([3, 0]), 4)
    assert cut[:, 0].tolist() == [[3, 4, 5, 6], [10, 11, 12, 13]]
    long = slice_frames(x, torch.tensor([0, 0]), 12)
    assert long.shape == (2, 1, 12)
    assert not long[:, :, 10:].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_weight_norm(seed: int) -> None:
    n_in, n_out, kernel = _sizes(seed, 5, 5, 5)
    layers: list[NormedConv1d | NormedConv2d | NormedConvTranspose1d] = [
        NormedConv1d(n_in, n_out, kernel),
        NormedConv2d(n_in, n_out, (kernel, 1)),
        NormedConvTranspose1d(n_in, n_out, kernel, stride=1, padding=0),
    ]
    for layer in layers:
        nn.init.normal_(layer.weight_g, generator=torch.Generator().manual_seed(seed))
        weight = layer.effective_weight()
        for row, (gain, direction) in enumerate(zip(layer.weight_g, layer.weight_v, strict=True)):
            length = math.sqrt(sum(value**2 for value in direction.flatten().tolist()))
            torch.testing.assert_close(weight[row], gain * direction / length, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_slices(seed: int) -> None:
    n_rows, width, n, n_cut = _sizes(seed, 4, 3, 9, 12)
    x = normal(f"restated/x/{seed}", n_rows, width, n)
    starts = integers(f"restated/starts/{seed}", 0, max(1, n - n_cut + 1), n_rows)
    cut = slice_frames(x, starts, n_cut)
    assert cut.shape == (n_rows, width, n_cut)
    for b, start in enumerate(starts.tolist()):
        for t in range(n_cut):
            expected = x[b, :, start + t] if start + t < n else torch.zeros(width)
            assert torch.equal(cut[b, :, t], expected)


def test_a_layer_folded_for_gradients_keeps_the_plain_layout() -> None:
    x = normal("folded", 1, 8, 40)
    for_speaking, for_gradients = NormedConv1d(8, 8, 3, padding=1), NormedConv1d(8, 8, 3, padding=1)
    for_gradients.load_state_dict(for_speaking.state_dict())
    for_speaking.fold()
    for_gradients.fold(for_gradients=True)
    assert for_gradients.weight.is_contiguous()
    assert not for_speaking.weight.is_contiguous()
    torch.testing.assert_close(for_gradients(x), for_speaking(x))


def test_a_plane_is_not_padded_where_no_padding_is_asked_for() -> None:
    x = normal("plane", 2, 3, 9, 4)
    layer = NormedConv2d(3, 4, (5, 2), (3, 1))
    torch.testing.assert_close(
        layer(x), nn.functional.conv2d(x, layer.effective_weight(), layer.bias, (3, 1)), rtol=1e-4, atol=1e-5
    )
