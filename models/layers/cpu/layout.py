"""The layout of memory in which a CPU convolves few channels over many frames fast.

PyTorch knows it, channels last, for four dimensions alone and otherwise reorders memory around every
convolution. So [B, C, T] travels as [B, C, 1, T] from `fast_layout` to `channels_first`; the layers
between take both.
"""

import torch
from torch import Tensor


def fast_layout(x: Tensor) -> Tensor:
    """[B, C, T] in the layout that is faster here: channels last on a CPU without gradients, else as it is.

    Convolutions are a fifth to twice as fast by it, and speaking a quarter; a training step, measured too,
    gains nothing.
    """
    return channels_last(x) if x.device.type == "cpu" and not torch.is_grad_enabled() else x


def channels_last(x: Tensor) -> Tensor:
    """[B, C, T] -> [B, C, 1, T] with the channels of a frame side by side in memory."""
    return x[:, :, None].contiguous(memory_format=torch.channels_last)


def channels_first(x: Tensor) -> Tensor:
    """[B, C, T] of either layout."""
    return x[:, :, 0] if is_channels_last(x) else x


def is_channels_last(x: Tensor) -> bool:
    """Whether `x`, of `fast_layout`, is [B, C, 1, T]."""
    return x.ndim == 4


def over_frames(values: Tensor, x: Tensor) -> Tensor:
    """[C], one value for each channel of `x` of either layout, in a shape that multiplies with it."""
    return values.view(-1, *[1] * (x.ndim - 2))
