"""Gated dilated convolutions of WaveNet as VITS uses them in its posterior encoder and flow."""

import torch
from torch import Tensor, nn

from models.layers.conv import NormedConv1d


class WaveNet(nn.Module):
    """[B, C, T] -> [B, C, T], conditioned on a style vector [B, G, 1]; no dilation, as published."""

    def __init__(self, channels: int, kernel: int, n_layers: int, style_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.cond_layer = NormedConv1d(style_channels, 2 * channels * n_layers, 1)
        self.in_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(n_layers)
        )
        # The last layer feeds no further residual, so it has only the skip half.
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(channels, channels if i == n_layers - 1 else 2 * channels, 1)
            for i in range(n_layers)
        )

    def forward(self, x: Tensor, frame_mask: Tensor, style: Tensor) -> Tensor:
        """`frame_mask` [B, 1, T] of 0 and 1."""
        conditions = self.cond_layer(style).chunk(len(self.in_layers), dim=1)
        skips = torch.zeros_like(x)
        for condition, in_layer, out_layer in zip(
            conditions, self.in_layers, self.res_skip_layers, strict=True
        ):
            value, gate = (in_layer(x) + condition).chunk(2, dim=1)
            out = out_layer(value.tanh() * gate.sigmoid())
            if out.shape[1] > self.channels:
                residual, out = out.chunk(2, dim=1)
                x = (x + residual) * frame_mask
            skips = skips + out
        return skips * frame_mask
