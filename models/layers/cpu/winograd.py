"""Convolution along one axis with fewer products than its definition takes, for full precision on a CPU.

Source: Winograd 1980, as Lavin & Gray 2016 ("Fast algorithms for convolutional neural networks") use it:
`m` neighbouring outputs of a filter of `r` taps are a polynomial product, which `m + r - 1` multiplications
settle when the factors are given by their values at that many points. With `m` = 4 and `r` = 5 that is 8
in place of 20. The multiplications are matrix products over the channels, so wide layers gain and narrow
ones lose to the changes of basis. In fp32 the result differs from the definition's by about 1e-6 (relative
L2 of 1024 channels, measured), five times the definition's own rounding; half precision would lose more.

A forward pass whose weight takes no gradient is computed by the definition, and only its backward pass here.
Such is the pass through a frozen discriminator that the generator learns from: the gradient of feature
matching is the sign of a difference, and a change of 1e-6 turns one sign in a million, which moves the
gradient by the root of that.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.layers.cpu.products import batched_product

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where the polynomials are evaluated, besides infinity; small powers of two keep the rounding low."""

_TAPS = 5
"""Of the filters of the discriminators."""

OUTPUTS = 4
"""Of one tile; as many as the points allow for those filters."""

_MIN_CHANNELS = 512
"""Below this many channels on either side the definition is faster (measured with one and two threads)."""


def pays(x: Tensor, weight: Tensor, stride: Sequence[int], dilation: Sequence[int]) -> bool:
    """Whether `correlate` is exact enough and faster: `x` [B, C, H(, P)], `weight` [O, C, r(, 1)]."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and tuple(weight.shape[2:]) in ((_TAPS,), (_TAPS, 1))
        and min(weight.shape[:2]) >= _MIN_CHANNELS
        and weight.shape[1] == x.shape[1]
        and max(*stride, *dilation) == 1
    )


def correlate(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """What `conv2d` gives with a kernel of [5, 1]: [B, C, H, P] -> [B, O, H + 2 padding - 4, P].

    Args:
        x: as above, or [B, C, H], which gives [B, O, H + 2 padding - 4].
        weight: [O, C, 5]; bias: [O].
    """
    if x.ndim == 3:
        return correlate(x[..., None], weight, bias, padding)[..., 0]
    padded = functional.pad(x, (0, 0, padding, padding))
    return _Correlation.apply(padded, weight) + bias[:, None, None]


class Bases(NamedTuple):
    """Matrices of one tile: output = `back` ((`taps` w) * (`tile` x))."""

    tile: Tensor
    """[N, N] of N = m + r - 1 inputs."""
    taps: Tensor
    """[N, r]"""
    back: Tensor
    """[m, N]"""


@functools.lru_cache(maxsize=8)
def bases(n_taps: int, dtype: torch.dtype) -> Bases:
    """The transposed Toom-Cook algorithm, its rows scaled by powers of two so that none outweighs another.

    For `OUTPUTS` outputs of at most five taps.
    """
    size = OUTPUTS + n_taps - 1
    tile = np.linalg.inv(_evaluation(size, size)).T
    scale = 2.0 ** np.round(np.log2(np.abs(tile).sum(1, keepdims=True)))
    matrices = (tile / scale, _evaluation(size, n_taps) * scale, _evaluation(size, OUTPUTS).T)
    return Bases(*(torch.tensor(matrix, dtype=dtype) for matrix in matrices))


def _evaluation(size: int, n_coefficients: int) -> np.ndarray:
    """[size, n_coefficients] values of the powers at the points; the last row is infinity's."""
    powers = np.vander(np.array(_POINTS[: size - 1]), n_coefficients, increasing=True)
    return np.vstack((powers, np.eye(n_coefficients)[-1]))


class _Correlation(torch.autograd.Function):
    """[B, C, H + r - 1, P] and [O, C, r] -> [B, O, H, P]; keeps its two arguments and no tiles."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        if not weight.requires_grad:
            return functional.conv2d(x, weight[..., None])
        n_rows, _, n_in, period = x.shape
        products = batched_product(_spread_taps(weight), _spread_tiles(x))
        out = bases(_TAPS, x.dtype).back @ products.flatten(1)
        out = out.view(OUTPUTS, len(weight), n_rows, -1, period).permute(2, 1, 3, 0, 4).flatten(2, 3)
        return out[:, :, : n_in - _TAPS + 1].contiguous()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        basis = bases(_TAPS, x.dtype)
        tiles = functional.pad(gradient, (0, 0, 0, -gradient.shape[2] % OUTPUTS)).unflatten(2, (-1, OUTPUTS))
        products = basis.back.T @ tiles.permute(3, 1, 0, 2, 4).flatten(1)
        products = products.view(len(basis.tile), len(weight), -1)
        x_gradient = weight_gradient = None
        if ctx.needs_input_grad[0]:
            spread = batched_product(_spread_taps(weight).transpose(1, 2), products)
            x_gradient = _join_tiles(basis.tile.T @ spread.flatten(1), x.shape)
        if ctx.needs_input_grad[1]:
            spread = batched_product(products, _spread_tiles(x).transpose(1, 2))
            joined = (basis.taps.T @ spread.flatten(1)).view(_TAPS, *weight.shape[:2])
            weight_gradient = joined.permute(1, 2, 0)
        return x_gradient, weight_gradient


def _spread_taps(weight: Tensor) -> Tensor:
    """[O, C, r] -> [N, O, C]."""
    taps = bases(_TAPS, weight.dtype).taps
    return (taps @ weight.flatten(0, 1).T).view(len(taps), *weight.shape[:2])


def _spread_tiles(x: Tensor) -> Tensor:
    """[B, C, H + r - 1, P] -> [N, C, B * tiles * P], the last tile filled up with zeros."""
    tile = bases(_TAPS, x.dtype).tile
    x = functional.pad(x, (0, 0, 0, -(x.shape[2] - _TAPS + 1) % OUTPUTS))
    tiles = x.unfold(2, len(tile), OUTPUTS).permute(4, 1, 0, 2, 3)
    return (tile @ tiles.flatten(1)).view(len(tile), x.shape[1], -1)


def _join_tiles(parts: Tensor, shape: torch.Size) -> Tensor:
    """Sum of the overlapping tiles [N, C * B * tiles * P] of an input of `shape` [B, C, H + r - 1, P]."""
    n_rows, n_channels, n_in, period = shape
    parts = parts.view(len(parts), n_channels, n_rows, -1, period)
    n_tiles, n_blocks = parts.shape[3], -(-len(parts) // OUTPUTS)
    out = parts.new_zeros(n_rows, n_channels, n_tiles + n_blocks - 1, OUTPUTS, period)
    for block, part in enumerate(parts.split(OUTPUTS)):
        out[:, :, block : block + n_tiles, : len(part)] += part.permute(2, 1, 3, 0, 4)
    return out.flatten(2, 3)[:, :, :n_in]
