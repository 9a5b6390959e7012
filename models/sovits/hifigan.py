"""HiFi-GAN generator (Kong et al. 2020): transposed convolutions and multi-receptive-field blocks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.conv import NormedConv1d, NormedConvTranspose1d
from models.layers.cpu.layout import channels_first, fast_layout

SLOPE = 0.1


class ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, a residual around each pair; shapes as `NormedConv1d`'s."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=d * (kernel - 1) // 2, dilation=d)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            hidden = dilated(functional.leaky_relu(x, SLOPE))
            x = plain(functional.leaky_relu(hidden, SLOPE, inplace=True)).add_(x)
        return x


class HifiGan(nn.Module):
    """Latent [B, C, T] and style [B, G, 1] -> waveform [B, 1, T * prod(rates)] in -1..1."""

    def __init__(
        self,
        in_channels: int,
        initial_channels: int,
        rates: Sequence[int],
        kernels: Sequence[int],
        resblock_kernels: Sequence[int],
        resblock_dilations: Sequence[int],
        style_channels: int,
    ) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(in_channels, initial_channels, 7, padding=3)
        self.cond = nn.Conv1d(style_channels, initial_channels, 1)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        channels = initial_channels
        for rate, kernel in zip(rates, kernels, strict=True):
            self.ups.append(
                NormedConvTranspose1d(channels, channels // 2, kernel, rate, (kernel - rate) // 2)
            )
            channels //= 2
            self.resblocks.extend(
                ResidualBlock(channels, size, resblock_dilations) for size in resblock_kernels
            )
        self.blocks_per_stage = len(resblock_kernels)
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = self.conv_pre(x) + self.cond(style)
        x = fast_layout(x)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, SLOPE, inplace=True))
            first = stage * self.blocks_per_stage
            blocks = self.resblocks[first : first + self.blocks_per_stage]
            total = blocks[0](x)
            for block in blocks[1:]:
                total += block(x)
            x = total.div_(self.blocks_per_stage)
        x = channels_first(x)
        # The last slope is PyTorch's default 0.01, not SLOPE: so were the published weights trained. Samples
        # are made in the weights' precision: bf16 rounding would lie above the quiet bands of the mel loss.
        with torch.autocast(x.device.type, enabled=False):
            x = functional.leaky_relu(x.to(self.conv_post.weight.dtype))
            return torch.tanh(self.conv_post(x))
