"""Discriminators of magnitude spectrograms at several resolutions, as UnivNet (Jang et al. 2021) has them.

State-dict keys are those of StyleTTS 2's `msd`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.discriminators.multi_period import JudgesInOnePass, feature_maps
from models.layers.conv import NormedConv2d

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""The published ones: (n_fft, hop, window) in samples."""


class ResolutionDiscriminator(nn.Module):
    """2-D convolutions over frames and bins, which are halved three times."""

    window: Tensor

    def __init__(self, n_fft: int, hop: int, window: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.discriminators = nn.ModuleList(
            [
                NormedConv2d(1, channels, (3, 9), padding=(1, 4)),
                *(NormedConv2d(channels, channels, (3, 9), (1, 2), (1, 4)) for _ in range(3)),
                NormedConv2d(channels, channels, (3, 3), padding=(1, 1)),
            ]
        )
        self.out = NormedConv2d(channels, 1, (3, 3), padding=(1, 1))

    def forward(self, wave: Tensor) -> list[Tensor]:
        """[B, 1, S] -> maps [B, C, frames, bins]."""
        with torch.autocast(wave.device.type, enabled=False):
            magnitudes = torch.stft(
                wave[:, 0].float(), self.n_fft, self.hop, len(self.window), self.window, return_complex=True
            ).abs()
        return feature_maps(_as_image(magnitudes.transpose(1, 2)), self.discriminators, self.out)


class MultiResolutionDiscriminator(JudgesInOnePass):
    """One discriminator per resolution.

    Args:
        resolutions: (n_fft, hop, window) in samples.
        channels: of every layer.
    """

    def __init__(self, resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS, channels: int = 32) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            ResolutionDiscriminator(*resolution, channels) for resolution in resolutions
        )


def _as_image(x: Tensor) -> Tensor:
    """[B, H, W] -> [B, 1, H, W]; on a CPU with channels side by side, which convolutions keep.

    So few channels are convolved up to five times as fast in that layout.
    """
    return x.contiguous()[..., None].permute(0, 3, 1, 2) if x.device.type == "cpu" else x[:, None]
