"""Convolutions with weight normalisation (Salimans & Kingma 2016) under the old PyTorch parameter names.

Published checkpoints hold `weight_g` and `weight_v`; `torch.nn.utils.weight_norm`, which made them, is
deprecated and its successor uses other names. The norm is over all dimensions but the first, also for
transposed convolutions, where the first dimension is the input channel.

The classes take the arguments of the PyTorch convolutions they derive from, and start with the same weights.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class _WeightNorm(nn.Module):
    """Mixed into a convolution: holds `weight_g` and `weight_v` in place of `weight`."""

    weight_g: Tensor
    weight_v: Tensor

    def _split_weight(self) -> None:
        plain = self._parameters.pop("weight")
        assert plain is not None
        weight = plain.detach()
        norm = torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
        self.weight_g = nn.Parameter(norm)
        self.weight_v = nn.Parameter(weight)

    def effective_weight(self) -> Tensor:
        """`weight_g * weight_v / |weight_v|`, or the one weight once folded."""
        folded = self._parameters.get("weight")
        return torch._weight_norm(self.weight_v, self.weight_g, 0) if folded is None else folded

    def fold(self) -> None:
        """Replace the two factors by the one weight: faster, and no longer trainable as before."""
        weight = self.effective_weight().detach()
        del self._parameters["weight_g"], self._parameters["weight_v"]
        self.register_parameter("weight", nn.Parameter(weight))


class NormedConv1d(_WeightNorm, nn.Conv1d):
    """[B, C_in, T] -> [B, C_out, T']."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding, dilation, groups)
        self._split_weight()

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


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
        return self._conv_forward(x, self.effective_weight(), self.bias)


class NormedConvTranspose1d(_WeightNorm, nn.ConvTranspose1d):
    """[B, C_in, T] -> [B, C_out, T'], T' = (T - 1) * stride - 2 * padding + kernel."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, padding)
        self._margin = padding
        self._split_weight()

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return functional.conv_transpose1d(x, self.effective_weight(), self.bias, self.stride, self._margin)


def fold_weight_norm(module: nn.Module) -> None:
    """Fold every weight-normed convolution of `module` in place, for inference.

    The state dict then has `weight` in place of `weight_g` and `weight_v`.
    """
    for part in module.modules():
        if isinstance(part, _WeightNorm):
            part.fold()
