"""Instance normalisation steered by a style vector, and the Snake activation behind it.

Sources: Huang & Belongie 2017 (adaptive instance norm); Ziyin et al. 2020 (Snake, x + sin^2(a x) / a);
StyleTTS 2's `Modules/istftnet.py` for how both meet, and for the names of the parameters.

Normalising over time is batch normalisation of one row with a channel per row and channel, which PyTorch has
as one pass over memory; the style's gain and bias, and Snake's factor `a`, are its gain and bias.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from models.layers.conv import NormedConv1d, NormedConvTranspose1d
from models.layers.cpu.layout import is_channels_last, over_frames

EPSILON = 1e-5
SLOPE = 0.2
_BLOCK_VALUES = 1 << 18
"""Differences from the mean that stay in the cache until they are added up."""


class AdaptiveInstanceNorm(nn.Module):
    """Each channel of each row of [B, C, T] to the mean and spread that the style [B, S] asks for."""

    def __init__(self, channels: int, style_dim: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style_dim, 2 * channels)

    def gain_and_bias(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S] -> two of [B, C]."""
        gain, bias = self.fc(style).chunk(2, dim=1)
        return 1 + gain, bias

    def forward(self, x: Tensor, style: Tensor, frames: Tensor | None = None) -> Tensor:
        """`frames` [B, 1, T] of 0 and 1: statistics of the frames that exist, and 0 elsewhere."""
        gain, bias = self.gain_and_bias(style)
        if frames is not None:
            return _masked_norm(x, gain, bias, frames)
        return _by_rows(_norm, x, gain, bias)


class StyledLayerNorm(nn.Module):
    """Layer norm over the channels of [B, L, C], its gain and bias given by the style [B, S]."""

    def __init__(self, style_dim: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.fc = nn.Linear(style_dim, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gain, bias = self.fc(style)[:, None].chunk(2, dim=2)
        return (1 + gain) * functional.layer_norm(x, (self.channels,), eps=EPSILON) + bias


def normed_snake(x: Tensor, gain: Tensor, bias: Tensor, alpha: Tensor) -> Tensor:
    """`alpha` [C] times Snake of the normalised `x`: z + sin^2(z), z = alpha (gain norm(x) + bias).

    Whoever reads the result divides by `alpha`; a convolution does so by way of its weight.

    Args:
        x: [B, C, T] in either layout of `models.layers.cpu.layout`; gain, bias: [B, C].
    """
    with_graph = not is_channels_last(x) and not torch.compiler.is_exporting()
    both = _NormedSnake.apply if with_graph else _norm_then_snake
    return _by_rows(both, x, alpha * gain, alpha * bias)


def snake(x: Tensor, alpha: Tensor) -> Tensor:
    """`alpha` [C] times Snake of `x` [B, C, T] in either layout, as above."""
    return _Snake.apply(x * over_frames(alpha, x))


def _by_rows(norm: Any, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Apply `norm` of [1, N, T], [N], [N] to the rows of [B, C, T], in either layout."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    gain, bias = gain.to(dtype), bias.to(dtype)
    if not is_channels_last(x):
        return norm(x.reshape(1, -1, x.shape[2]), gain.flatten(), bias.flatten()).view(x.shape)
    rows = [norm(x[i : i + 1], gain[i], bias[i]) for i in range(len(x))]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _norm(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    if torch.compiler.is_exporting():
        # In plain sums, which runtimes add up well; the length is not known yet.
        frames = tuple(range(2, x.ndim))
        centred = x - x.mean(frames, keepdim=True)
        scale = torch.rsqrt(centred.square().mean(frames) + EPSILON) * gain
        return centred * over_frames(scale.flatten(), x) + over_frames(bias, x)
    if not is_channels_last(x):
        return torch.native_batch_norm(x, gain, bias, None, None, True, 0.0, EPSILON)[0]
    return torch.native_batch_norm(x, gain, bias, *_statistics(x), False, 0.0, EPSILON)[0]


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance [C] of [1, C, 1, T], the channels side by side in memory.

    PyTorch's own batch norm adds all T values of a channel one after the other in this layout, so its
    rounding grows with the length: a hundredth of the waveform after two seconds. Sums of sums do not.
    """
    frames = x[0, :, 0].mT
    mean = frames.mean(0, dtype=torch.promote_types(x.dtype, torch.float32))
    squares = [(block - mean).square_().sum(0) for block in frames.split(max(1, _BLOCK_VALUES // len(mean)))]
    return mean, torch.stack(squares).sum(0) / len(frames)


def _norm_then_snake(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """`_NormedSnake` without a gradient, for [1, C, 1, T]."""
    z = _norm(x, gain, bias)
    wave = torch.sin(z)
    return z.addcmul_(wave, wave)


def _masked_norm(x: Tensor, gain: Tensor, bias: Tensor, frames: Tensor) -> Tensor:
    count = frames.sum(2, keepdim=True)
    centred = (x - (x * frames).sum(2, keepdim=True) / count) * frames
    variance = centred.square().sum(2, keepdim=True) / count
    scale = gain[..., None] * torch.rsqrt(variance + EPSILON)
    return (centred * scale + bias[..., None]) * frames


class _NormedSnake(torch.autograd.Function):
    """[1, N, T], [N], [N] -> [1, N, T]; keeps its argument alone and computes the rest again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        z, mean, inverse_std = torch.native_batch_norm(x, gain, bias, None, None, True, 0.0, EPSILON)
        ctx.save_for_backward(x, gain, bias, mean, inverse_std)
        wave = torch.sin(z)
        return z.addcmul_(wave, wave)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, gain, bias, mean, inverse_std = ctx.saved_tensors
        scale = gain * inverse_std
        shift = bias - mean * scale
        # d(z + sin^2 z) = 1 + sin(2 z)
        slope = torch.addcmul(2 * shift[:, None], x, 2 * scale[:, None]).sin_()
        inner = torch.addcmul(gradient, gradient, slope).to(x.dtype)
        return torch.ops.aten.native_batch_norm_backward(
            inner, x, gain, None, None, mean, inverse_std, True, EPSILON, list(ctx.needs_input_grad)
        )


class _Snake(torch.autograd.Function):
    """z + sin^2(z)"""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        wave = torch.sin(z)
        return torch.addcmul(z, wave, wave)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (z,) = ctx.saved_tensors
        return torch.addcmul(gradient, gradient, torch.sin(2 * z))


class StyledResidual(nn.Module):
    """Two convolutions behind styled norms, and a residual: [B, C_in, T] -> [B, C_out, T or 2 T]."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        style_dim: int,
        *,
        upsample: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv1 = NormedConv1d(in_channels, out_channels, 3, padding=1)
        self.conv2 = NormedConv1d(out_channels, out_channels, 3, padding=1)
        self.norm1 = AdaptiveInstanceNorm(in_channels, style_dim)
        self.norm2 = AdaptiveInstanceNorm(out_channels, style_dim)
        self.conv1x1 = (
            NormedConv1d(in_channels, out_channels, 1, bias=False) if in_channels != out_channels else None
        )
        self.pool = (
            NormedConvTranspose1d(in_channels, in_channels, 3, 2, 1, output_padding=1, groups=in_channels)
            if upsample
            else None
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, style: Tensor, frames: Tensor | None = None) -> Tensor:
        """`frames` [B, 1, T] of 0 and 1 where rows differ in length; the result is 0 elsewhere."""
        shortcut = x if self.conv1x1 is None else self.conv1x1(x)
        hidden = functional.leaky_relu(self.norm1(x, style, frames), SLOPE, inplace=True)
        if self.pool is not None:
            shortcut = shortcut.repeat_interleave(2, dim=2)
            hidden = self.pool(hidden)
            frames = None if frames is None else frames.repeat_interleave(2, dim=2)
            hidden = hidden if frames is None else hidden * frames
        hidden = self.conv1(self.dropout(hidden))
        hidden = functional.leaky_relu(self.norm2(hidden, style, frames), SLOPE, inplace=True)
        hidden = self.conv2(self.dropout(hidden))
        out = (hidden + shortcut) / math.sqrt(2)
        return out if frames is None else out * frames


class StyledSnakeBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each behind a styled norm and Snake; a residual per pair.

    Shapes as `NormedConv1d`'s.
    """

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], style_dim: int) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=d * (kernel - 1) // 2, dilation=d)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )
        self.adain1 = nn.ModuleList(AdaptiveInstanceNorm(channels, style_dim) for _ in dilations)
        self.adain2 = nn.ModuleList(AdaptiveInstanceNorm(channels, style_dim) for _ in dilations)
        self.alpha1 = nn.ParameterList(torch.ones(1, channels, 1) for _ in dilations)
        self.alpha2 = nn.ParameterList(torch.ones(1, channels, 1) for _ in dilations)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`style` [B, S]."""
        first = zip(self.convs1, self.adain1, self.alpha1, strict=True)
        second = zip(self.convs2, self.adain2, self.alpha2, strict=True)
        for dilated, plain in zip(first, second, strict=True):
            hidden = _styled_convolution(*dilated, x, style)
            x = _styled_convolution(*plain, hidden, style).add_(x)
        return x


def _styled_convolution(
    convolution: nn.Module, norm: nn.Module, alpha: Tensor, x: Tensor, style: Tensor
) -> Tensor:
    assert isinstance(norm, AdaptiveInstanceNorm)
    factor = alpha.flatten()
    return convolution(normed_snake(x, *norm.gain_and_bias(style), factor), factor)
