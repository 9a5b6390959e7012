"""Style encoder of StyleTTS 2: a mel to one vector; once for acoustics and once for prosody.

Source: StyleTTS 2 `models.py`, itself the one of StarGAN v2 (Choi et al. 2020), without its norms.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.acoustics.spectral_norm import SpectralConv2d

_SLOPE = 0.2
_HALVINGS = 4
_LAST_KERNEL = 5
MIN_FRAMES = 2**_HALVINGS * (_LAST_KERNEL - 1) + 1
"""Fewest frames that leave the last convolution one position."""


class StyleEncoder(nn.Module):
    """Mel [B, 1, F, T] -> style [B, S]. F is 65 to 80 bands, T at least `MIN_FRAMES`."""

    def __init__(self, dim_in: int = 64, style_dim: int = 128, max_dim: int = 512) -> None:
        super().__init__()
        widths = [min(dim_in * 2**i, max_dim) for i in range(_HALVINGS + 1)]
        self.shared = nn.Sequential(
            SpectralConv2d(1, dim_in, 3, padding=1),
            *(_HalvingBlock(*pair) for pair in pairwise(widths)),
            nn.LeakyReLU(_SLOPE),
            SpectralConv2d(widths[-1], widths[-1], _LAST_KERNEL),
            nn.AdaptiveAvgPool2d(1),
            nn.LeakyReLU(_SLOPE),
        )
        self.unshared = nn.Linear(widths[-1], style_dim)

    def forward(self, mel: Tensor) -> Tensor:
        """See the class. Raises UserError on fewer frames."""
        if mel.shape[3] < MIN_FRAMES:
            raise UserError(
                f"a mel of {mel.shape[3]} frames is too short for the style encoder, which needs "
                f"{MIN_FRAMES} ({MIN_FRAMES / 80:.2f} s at 80 frames per second). "
                f"Use longer clips or a larger crop."
            )
        return self.unshared(self.shared(mel).flatten(1))

    def encode_ragged(self, mel: Tensor, lengths: Sequence[int]) -> Tensor:
        """Styles [B, S] of `mel` [B, F, T], each from its own `lengths` frames alone.

        Rows of one length are encoded together; padding would change a style.
        """
        rows_of: dict[int, list[int]] = {}
        for row, length in enumerate(lengths):
            rows_of.setdefault(length, []).append(row)
        styles = [self(mel[rows, None, :, :length]) for length, rows in rows_of.items()]
        order = [row for rows in rows_of.values() for row in rows]
        places = sorted(range(len(order)), key=order.__getitem__)
        return torch.cat(styles)[places]


class _HalvingBlock(nn.Module):
    """[B, C_in, H, W] -> [B, C_out, H / 2, W / 2], rounded up."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.downsample_res = _LearnedHalving(in_channels)
        self.conv1 = SpectralConv2d(in_channels, in_channels, 3, padding=1)
        self.conv2 = SpectralConv2d(in_channels, out_channels, 3, padding=1)
        self.conv1x1 = (
            SpectralConv2d(in_channels, out_channels, 1, bias=False) if in_channels != out_channels else None
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.downsample_res(self.conv1(functional.leaky_relu(x, _SLOPE)))
        hidden = self.conv2(functional.leaky_relu(hidden, _SLOPE))
        # A width that is odd is made even by its last column; so were the published weights trained.
        even = functional.pad(x, (0, x.shape[3] % 2, 0, 0), mode="replicate") if x.shape[3] % 2 else x
        shortcut = functional.avg_pool2d(even, 2)
        shortcut = shortcut if self.conv1x1 is None else self.conv1x1(shortcut)
        return (hidden + shortcut) / math.sqrt(2)


class _LearnedHalving(nn.Module):
    """A strided convolution per channel, under the published name `conv`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = SpectralConv2d(channels, channels, 3, stride=2, padding=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)
