"""Long filters of many channels with half the products, for speaking in full precision on a CPU.

The filter is cut into blocks of four taps, and the signal into tiles that yield four outputs; see
`models.layers.cpu.winograd` for the algorithm, which takes seven multiplications in place of sixteen for a
block and a tile. A block reads the tiles of the block before it, one further on, so the products of all
blocks are one short convolution over tiles. For a filter of 11 taps that is 21 multiplications per tile in
place of 44.

Weights are transformed once, when they are folded. In fp32 the result differs from the definition's by about
1e-6 (relative L2, measured).
"""

import torch
from torch import Tensor
from torch.nn import functional

from models.layers.cpu.layout import is_channels_last
from models.layers.cpu.winograd import OUTPUTS, bases

_MIN_CHANNELS = {7: 256, 11: 128}
"""By taps; with fewer channels on either side the definition is faster (measured with two threads)."""

_CHUNK_VALUES = 1 << 20
"""Inputs transformed at a time, so that what becomes of them stays in the cache."""


def pays(x: Tensor) -> bool:
    """Whether `correlate` may stand for the definition: channels last, in full precision, with no graph."""
    return (
        is_channels_last(x)
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_exporting()
    )


def spread_taps(weight: Tensor) -> Tensor | None:
    """[O, C, r] -> [N, O, C, 1, blocks], or None where the definition is faster."""
    n_outputs, n_channels, n_taps = weight.shape
    if min(n_outputs, n_channels) < _MIN_CHANNELS.get(n_taps, n_channels + 1):
        return None
    blocks = functional.pad(weight, (0, -n_taps % OUTPUTS)).unflatten(2, (-1, OUTPUTS))
    return torch.einsum("nr,ocbr->nocb", bases(OUTPUTS, weight.dtype).taps, blocks)[:, :, :, None]


def correlate(x: Tensor, spread: Tensor, bias: Tensor, padding: int, dilation: int, n_taps: int) -> Tensor:
    """What `conv2d` by [1, `n_taps`] gives of [B, C, 1, T], the channels side by side in memory.

    Args:
        spread: of the filter, by `spread_taps`; bias: [O].
        padding: a multiple of `dilation`. A dilated filter reads every so many values, which are that many
            signals side by side.
    """
    rows = [_row(signal, spread, padding, dilation, n_taps) for signal in x[:, :, 0].mT]
    # Joining a single row would copy it.
    joined = torch.cat(rows) if len(rows) > 1 else rows[0]
    return joined.add_(bias).unflatten(0, (len(x), -1)).mT[:, :, None]


def _row(signal: Tensor, spread: Tensor, padding: int, dilation: int, n_taps: int) -> Tensor:
    """[T, C] -> [T', O]."""
    n_points, n_outputs, n_channels, _, n_blocks = spread.shape
    tile, _, back = bases(OUTPUTS, signal.dtype)
    n_values = len(signal) + 2 * padding - dilation * (n_taps - 1)
    n_tiles = -(-n_values // (OUTPUTS * dilation))
    step = OUTPUTS * dilation * n_channels
    # The last tile of the last block reads this far.
    n_read = (n_tiles + n_blocks) * OUTPUTS * dilation
    signal = functional.pad(signal, (0, 0, padding, max(0, n_read - padding - len(signal))))
    kernels = [kernel.contiguous(memory_format=torch.channels_last) for kernel in spread]
    out = signal.new_empty(n_tiles, OUTPUTS, dilation * n_outputs)
    chunk = max(1, _CHUNK_VALUES // step)
    for first in range(0, n_tiles, chunk):
        count = min(chunk, n_tiles - first)
        n_needed = count + n_blocks - 1
        tiles = signal.as_strided(
            (n_points, n_needed, dilation * n_channels), (step // OUTPUTS, step, 1), first * step
        )
        points = (tile @ tiles.reshape(n_points, -1)).view(n_points, -1, n_channels)
        products = [
            functional.conv2d(point.T[None, :, None], kernel, dilation=(1, dilation))[0, :, 0].T
            for point, kernel in zip(points, kernels, strict=True)
        ]
        ends = back @ torch.stack(products).view(n_points, -1)
        out[first : first + count] = ends.view(OUTPUTS, count, -1).transpose(0, 1)
    return out.view(-1, n_outputs)[:n_values]
