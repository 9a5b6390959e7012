"""Convolutions with weight normalisation (Salimans & Kingma 2016) under the old PyTorch parameter names.

Published checkpoints hold `weight_g` and `weight_v`; `torch.nn.utils.weight_norm`, which made them, is
deprecated and its successor uses other names. The norm is over all dimensions but the first, also for
transposed convolutions, where the first dimension is the input channel.

The classes take the arguments of the PyTorch convolutions they derive from, and start with the same weights.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.cpu import long_filters, winograd
from models.layers.cpu.layout import channels_first, channels_last, is_channels_last


class _WeightNorm(nn.Module):
    """Mixed into a convolution: holds `weight_g` and `weight_v` in place of `weight`."""

    weight_g: Tensor
    weight_v: Tensor
    _held: Tensor | None = None

    def _split_weight(self) -> None:
        plain = self._parameters.pop("weight")
        assert plain is not None
        weight = plain.detach()
        norm = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
        self.weight_g = nn.Parameter(norm)
        self.weight_v = nn.Parameter(weight)

    def effective_weight(self) -> Tensor:
        """`weight_g * weight_v / |weight_v|`, or the one weight once folded or while held."""
        folded = self._parameters.get("weight") if self._held is None else self._held
        return torch._weight_norm(self.weight_v, self.weight_g, 0) if folded is None else folded

    def fold(self, for_gradients: bool = False) -> None:
        """Replace the two factors by the one weight: faster, and no longer trained."""
        weight = self.effective_weight().detach()
        if weight.ndim == 3 and weight.device.type == "cpu" and not for_gradients:
            # In the layout that a forward pass would otherwise ask for anew every time.
            weight = channels_first(channels_last(weight))
        del self._parameters["weight_g"], self._parameters["weight_v"]
        self.register_parameter("weight", nn.Parameter(weight, requires_grad=False))

    def hold(self, on: bool) -> None:
        """Compute the weight now and use it, without gradient, until told otherwise."""
        self._held = None
        if on:
            self._held = self.effective_weight().detach()


class NormedConv1d(_WeightNorm, nn.Conv1d):
    """[B, C_in, T] -> [B, C_out, T'] in either layout of `models.layers.cpu.layout`."""

    spread_weight: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding, dilation, groups, bias)
        self._split_weight()
        self.register_buffer("spread_weight", None, persistent=False)

    def fold(self, for_gradients: bool = False) -> None:
        """Replace the factors as above; a long filter of many channels is made ready for `long_filters`."""
        super().fold(for_gradients)
        if self.stride[0] == self.groups == 1 and self.bias is not None and self.weight.device.type == "cpu":
            self.spread_weight = long_filters.spread_taps(self.weight)

    def forward(self, x: Tensor, divisor: Tensor | None = None) -> Tensor:
        """`divisor` [C_in] divides the input, which it does by way of the far smaller weight."""
        spread = self.spread_weight
        if spread is not None and self.bias is not None and long_filters.pays(x):
            if divisor is not None:
                spread = spread / divisor[:, None, None]
            return long_filters.correlate(
                x, spread, self.bias, int(self.padding[0]), self.dilation[0], self.kernel_size[0]
            )
        weight = self.effective_weight()
        if divisor is not None:
            weight = weight / divisor[:, None]
        if not is_channels_last(x):
            return _convolve(self, x, weight)
        weight = channels_last(weight)
        padding, dilation = (0, int(self.padding[0])), (1, self.dilation[0])
        return functional.conv2d(x, weight, self.bias, (1, self.stride[0]), padding, dilation, self.groups)


class NormedConv2d(_WeightNorm, nn.Conv2d):
    """[B, C_in, H, W] -> [B, C_out, H', W']."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding)
        self._split_weight()

    def forward(self, x: Tensor) -> Tensor:
        return _convolve(self, x, self.effective_weight())


def _convolve(layer: NormedConv1d | NormedConv2d, x: Tensor, weight: Tensor) -> Tensor:
    """The convolution by `weight`; where that pays, by the algorithm with fewer products."""
    if layer.bias is None or not winograd.pays(x, weight, layer.stride, layer.dilation):
        return layer._conv_forward(x, weight, layer.bias)
    return winograd.correlate(x, weight.flatten(2), layer.bias, int(layer.padding[0]))


class NormedConvTranspose1d(_WeightNorm, nn.ConvTranspose1d):
    """[B, C_in, T] -> [B, C_out, T'], T' = (T - 1) * stride - 2 * padding + kernel + output_padding.

    Either layout as above.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        padding: int,
        output_padding: int = 0,
        groups: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding, output_padding, groups)
        self._margin, self._extra = padding, output_padding
        self._split_weight()

    @torch.no_grad()
    def begin_smooth(self) -> None:
        """Make fresh filters interpolate: triangles, each as heavy as it was drawn.

        As drawn, the samples made of a frame weigh unequally, so that what is made repeats with the frames.
        """
        taps = torch.arange(self.kernel_size[0]) - (self.kernel_size[0] - 1) / 2
        triangle = (1 - taps.abs() / self.stride[0]).clamp(min=0)
        self.weight_v.copy_(self.weight_v.sum(2, keepdim=True) * triangle)
        self.weight_g.copy_(torch.linalg.vector_norm(self.weight_v, dim=(1, 2), keepdim=True))

    def forward(self, x: Tensor, divisor: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """`divisor` [C_in] as above."""
        weight = self.effective_weight()
        if divisor is not None:
            weight = weight / divisor[:, None, None]
        if not is_channels_last(x):
            stride, margin, extra = self.stride[0], self._margin, self._extra
            return functional.conv_transpose1d(x, weight, self.bias, stride, margin, extra, self.groups)
        strides, margins, extras = (1, self.stride[0]), (0, self._margin), (0, self._extra)
        return functional.conv_transpose2d(
            x, channels_last(weight), self.bias, strides, margins, extras, self.groups
        )


def fold_weight_norm(module: nn.Module, for_gradients: bool = False) -> None:
    """Fold every weight-normed convolution of `module` in place; its weights are not trained any more.

    The state dict then has `weight` in place of `weight_g` and `weight_v`.

    Args:
        module: Any.
        for_gradients: Whether gradients will pass through the module. Convolutions hand the layout of their
            weights on to what they make, and norms go backward slowly in that of speaking.
    """
    for part in module.modules():
        if isinstance(part, _WeightNorm):
            part.fold(for_gradients)


@contextmanager
def held_weights(module: nn.Module) -> Iterator[None]:
    """Compute the weight of every weight-normed convolution of `module` once for the whole block.

    Inside, the factors must not change and take no gradient; a graph made inside outlives the block.
    """
    parts = [part for part in module.modules() if isinstance(part, _WeightNorm)]
    for part in parts:
        part.hold(True)
    try:
        yield
    finally:
        for part in parts:
            part.hold(False)
