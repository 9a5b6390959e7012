"""The last part of the decoders: from features at 80 Hz and the source to a waveform.

Source: StyleTTS 2 `Modules/istftnet.py` and `Modules/hifigan.py`. Both upsample like HiFi-GAN (Kong et al.
2020) with styled norms and Snake, and add the source at every rate; one ends in the waveform, the other in
the magnitudes and phases of a short Fourier transform (Kaneko et al. 2022).
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.adain import StyledSnakeBlock, snake
from models.acoustics.fourier import ShortFourier
from models.acoustics.source import SineSource
from models.layers.conv import NormedConv1d, NormedConvTranspose1d
from models.layers.cpu.layout import channels_first, fast_layout

_SLOPE = 0.1


class GeneratorSizes(NamedTuple):
    """Of either generator; see `models.acoustics.decoder.DecoderConfig`."""

    sample_rate: int
    hop_samples: int
    style_dim: int
    initial_channels: int
    rates: Sequence[int]
    kernels: Sequence[int]
    resblock_kernels: Sequence[int]
    resblock_dilations: Sequence[int]
    n_fft: int
    fft_hop: int


class _Generator(nn.Module):
    """What both have: the source, the stages of upsampling, and the source's way into each."""

    def __init__(self, sizes: GeneratorSizes, har_channels: int, out_channels: int) -> None:
        super().__init__()
        self.m_source = SineSource(sizes.sample_rate, sizes.hop_samples)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        self.noise_convs = nn.ModuleList()
        self.noise_res = nn.ModuleList()
        self.blocks_per_stage = len(sizes.resblock_kernels)
        channels = sizes.initial_channels
        for stage, (rate, kernel) in enumerate(zip(sizes.rates, sizes.kernels, strict=True)):
            extra = 2 * ((kernel - rate + 1) // 2) - (kernel - rate)
            self.ups.append(
                NormedConvTranspose1d(channels, channels // 2, kernel, rate, (kernel - rate + 1) // 2, extra)
            )
            channels //= 2
            stride = prod(sizes.rates[stage + 1 :])
            last = stage + 1 == len(sizes.rates)
            noise_kernel = 1 if last else 2 * stride
            margin = 0 if last else (stride + 1) // 2
            self.noise_convs.append(nn.Conv1d(har_channels, channels, noise_kernel, stride, margin))
            self.noise_res.append(StyledSnakeBlock(channels, 11 if last else 7, (1, 3, 5), sizes.style_dim))
            self.resblocks.extend(
                StyledSnakeBlock(channels, size, sizes.resblock_dilations, sizes.style_dim)
                for size in sizes.resblock_kernels
            )
        self.conv_post = NormedConv1d(channels, out_channels, 7, padding=3)

    def _stage(self, stage: int, x: Tensor, source: Tensor, style: Tensor) -> Tensor:
        """The residual blocks after an upsampling, the source added before them."""
        x = x + self.noise_res[stage](source, style)
        first = stage * self.blocks_per_stage
        blocks = self.resblocks[first : first + self.blocks_per_stage]
        total = blocks[0](x, style)
        for block in blocks[1:]:
            total = total.add_(block(x, style))
        return total.div_(self.blocks_per_stage)


class IstftGenerator(_Generator):
    """Features [B, C, F], style [B, S], source [B, n_fft + 2, F hop / fft_hop + 1] -> wave [B, 1, F hop]."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__(sizes, sizes.n_fft + 2, sizes.n_fft + 2)
        self.stft = ShortFourier(sizes.n_fft, sizes.fft_hop)
        # No gradient passes the transform, in the original neither: the layer stays as it starts.
        self.m_source.l_linear.requires_grad_(False)

    @torch.no_grad()
    def har(self, f0_hz: Tensor, noise: Tensor) -> Tensor:
        """Magnitudes and phases of the source of F0 [B, F]; `noise` as `SineSource.forward`'s."""
        return torch.cat(self.stft.transform(self.m_source(f0_hz, noise)), dim=1)

    def forward(self, x: Tensor, style: Tensor, har: Tensor) -> Tensor:
        """See the class."""
        x = fast_layout(x)
        for stage, up in enumerate(self.ups):
            source = fast_layout(self.noise_convs[stage](har))
            x = up(functional.leaky_relu(x, _SLOPE))
            if stage + 1 == len(self.ups):
                # The transform has one frame more than the hops between its frames.
                x = torch.cat((x[..., 1:2], x), dim=-1)
            x = self._stage(stage, x, source, style)
        # The last slope is PyTorch's default 0.01, not _SLOPE: so were the published weights trained.
        x = self.conv_post(functional.leaky_relu(x))
        x = channels_first(x)
        with torch.autocast(x.device.type, enabled=False):
            log_magnitude, angle = x.to(self.stft.forward_basis.dtype).chunk(2, dim=1)
            return self.stft.inverse(torch.exp(log_magnitude), torch.sin(angle))


class HifiGenerator(_Generator):
    """Features [B, C, F], style [B, S], source [B, 1, F hop] -> wave [B, 1, F hop] in -1..1."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__(sizes, 1, 1)
        widths = [sizes.initial_channels // 2**i for i in range(len(sizes.rates) + 1)]
        self.alphas = nn.ParameterList(torch.ones(1, width, 1) for width in widths)

    def har(self, f0_hz: Tensor, noise: Tensor) -> Tensor:
        """Waveform of the source of F0 [B, F]; `noise` as `SineSource.forward`'s."""
        return self.m_source(f0_hz, noise)[:, None]

    def forward(self, x: Tensor, style: Tensor, har: Tensor) -> Tensor:
        """See the class."""
        x = fast_layout(x)
        for stage, up in enumerate(self.ups):
            source = fast_layout(self.noise_convs[stage](har))
            alpha = self.alphas[stage].flatten()
            x = self._stage(stage, up(snake(x, alpha), alpha), source, style)
        alpha = self.alphas[len(self.ups)].flatten()
        x = self.conv_post(snake(x, alpha), alpha)
        x = channels_first(x)
        return torch.tanh(x.to(torch.promote_types(x.dtype, torch.float32)))
