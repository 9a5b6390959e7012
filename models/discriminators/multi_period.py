"""The discriminator of HiFi-GAN (Kong et al. 2020): several periods, and one scale beside them as in VITS."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.conv import NormedConv1d, NormedConv2d

SLOPE = 0.1
PERIOD_CHANNELS = (32, 128, 512, 1024, 1024)


class Judgement(NamedTuple):
    scores: list[Tensor]
    """One [B, N] per sub-discriminator, towards 1 for a recording and 0 for synthesis."""
    features: list[list[Tensor]]
    """Each sub-discriminator's maps, the score map last."""


class ScaleDiscriminator(nn.Module):
    """Grouped, strided convolutions over the waveform [B, 1, S]."""

    def __init__(self, divisor: int) -> None:
        super().__init__()
        widths = [1, *(width // divisor for width in (16, 64, 256, 1024, 1024, 1024))]
        # (kernel, stride); the grouped layers see four channels per group whatever the divisor.
        shapes = [(15, 1), (41, 4), (41, 4), (41, 4), (41, 4), (5, 1)]
        self.convs = nn.ModuleList(
            NormedConv1d(
                n_in,
                n_out,
                kernel,
                stride,
                padding=kernel // 2,
                groups=max(1, n_in // 4) if stride > 1 else 1,
            )
            for n_in, n_out, (kernel, stride) in zip(widths, widths[1:], shapes, strict=False)
        )
        self.conv_post = NormedConv1d(widths[-1], 1, 3, padding=1)

    def forward(self, wave: Tensor) -> list[Tensor]:
        return feature_maps(wave, self.convs, self.conv_post)


class PeriodDiscriminator(nn.Module):
    """2-D convolutions over the waveform folded into rows of `period` samples."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        widths = [1, *channels]
        strides = (3, 3, 3, 3, 1)
        self.convs = nn.ModuleList(
            NormedConv2d(n_in, n_out, (5, 1), (stride, 1), (2, 0))
            for n_in, n_out, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.conv_post = NormedConv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, wave: Tensor) -> list[Tensor]:
        n_missing = -wave.shape[-1] % self.period
        if n_missing:
            wave = functional.pad(wave, (0, n_missing), mode="reflect")
        return feature_maps(wave.unflatten(2, (-1, self.period)), self.convs, self.conv_post)


class JudgesInOnePass(nn.Module):
    """Several discriminators of waveforms [B, 1, S]; each gives its feature maps, the score map last."""

    discriminators: nn.ModuleList

    def forward(self, real: Tensor, fake: Tensor) -> tuple[Judgement, Judgement]:
        """Both [B, 1, S], judged in one concatenated pass."""
        both = self.judge(torch.cat((real, fake)))
        n_real = len(real)
        return (
            Judgement([s[:n_real] for s in both.scores], _each(both.features, slice(n_real))),
            Judgement([s[n_real:] for s in both.scores], _each(both.features, slice(n_real, None))),
        )

    def judge(self, wave: Tensor) -> Judgement:
        """[B, 1, S] -> scores and feature maps."""
        features = [discriminator(wave) for discriminator in self.discriminators]
        return Judgement([maps[-1].flatten(1) for maps in features], features)


class MultiPeriodDiscriminator(JudgesInOnePass):
    """Scale discriminator first where there is one, then one per period.

    Args:
        periods: 2, 3, 5, 7, 11; GPT-SoVITS v2Pro adds 17 and 23.
        divisor: divides every channel count; 1 is the published width.
        channels: of the period discriminators, before they are divided.
        has_scale: whether the scale discriminator is among them; StyleTTS 2 has none.
    """

    def __init__(
        self,
        periods: Sequence[int],
        divisor: int = 1,
        *,
        channels: Sequence[int] = PERIOD_CHANNELS,
        has_scale: bool = True,
    ) -> None:
        super().__init__()
        widths = [width // divisor for width in channels]
        self.discriminators = nn.ModuleList(
            [
                *([ScaleDiscriminator(divisor)] if has_scale else []),
                *(PeriodDiscriminator(period, widths) for period in periods),
            ]
        )


def _each(features: list[list[Tensor]], rows: slice) -> list[list[Tensor]]:
    return [[feature[rows] for feature in maps] for maps in features]


def feature_maps(x: Tensor, convs: nn.ModuleList, conv_post: nn.Module) -> list[Tensor]:
    """The output of each layer; the last is the map of scores."""
    maps = []
    for conv in convs:
        x = functional.leaky_relu(conv(x), SLOPE, inplace=True)
        maps.append(x)
    maps.append(conv_post(x))
    return maps
