"""Decoder of StyleTTS 2 and Kokoro: aligned text, pitch, energy and style to a waveform.

Source: StyleTTS 2 `Modules/istftnet.py` and `Modules/hifigan.py`. Names are those of the checkpoint's
`decoder`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.adain import StyledResidual
from models.acoustics.generators import GeneratorSizes, HifiGenerator, IstftGenerator
from models.layers.conv import NormedConv1d, NormedConvTranspose1d

_F0_KERNELS = (0, 3, 7)
_ENERGY_KERNELS = (0, 3, 7, 15)
"""Widths of the means that training takes of the curves, one at random; 0 leaves them."""


@dataclass(frozen=True)
class DecoderConfig:
    """Sizes; the defaults are those of LJSpeech and of Kokoro."""

    kind: Literal["istftnet", "hifigan"] = "istftnet"
    sample_rate: int = 24000
    hop_samples: int = 300
    """Samples per value of pitch and energy; a frame of text is two of them."""
    channels: int = 512
    """Width of the text."""
    style_dim: int = 128
    hidden: int = 1024
    text_channels: int = 64
    """Width at which the later blocks read the text again."""
    upsample_rates: tuple[int, ...] = (10, 6)
    upsample_kernels: tuple[int, ...] = (20, 12)
    upsample_initial: int = 512
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)
    istft_n_fft: int = 20
    istft_hop: int = 5


class Decoder(nn.Module):
    """See `forward`. Rows of a batch are of one length: instance norm would hear padding."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        style_dim, hidden = config.style_dim, config.hidden
        joined = hidden + config.text_channels + 2
        last = config.upsample_initial
        self.encode = StyledResidual(config.channels + 2, hidden, style_dim)
        self.decode = nn.ModuleList(
            (
                *(StyledResidual(joined, hidden, style_dim) for _ in range(3)),
                StyledResidual(joined, last, style_dim, upsample=True),
            )
        )
        self.F0_conv = NormedConv1d(1, 1, 3, stride=2, padding=1)
        self.N_conv = NormedConv1d(1, 1, 3, stride=2, padding=1)
        self.asr_res = nn.Sequential(NormedConv1d(config.channels, config.text_channels, 1))
        sizes = GeneratorSizes(
            config.sample_rate,
            config.hop_samples,
            style_dim,
            last,
            config.upsample_rates,
            config.upsample_kernels,
            config.resblock_kernels,
            config.resblock_dilations,
            config.istft_n_fft,
            config.istft_hop,
        )
        self.generator = IstftGenerator(sizes) if config.kind == "istftnet" else HifiGenerator(sizes)

    def sound_pitch(self) -> None:
        """Make a fresh source sound its pitch, where training cannot.

        No gradient reaches the mixture of harmonics behind a Fourier transform. With an offset that drowns
        them, phases hardly change with the pitch: see docs/decisions/hum.md.
        """
        if isinstance(self.generator, IstftGenerator):
            self.generator.m_source.weigh_alike()

    def interpolate(self) -> None:
        """Make fresh upsamplings interpolate, which they go on to where `filter_shapes` are held.

        Such a decoder cannot hum at its frame rate, which small ones learn otherwise.
        """
        for layer in self.modules():
            if isinstance(layer, NormedConvTranspose1d):
                layer.begin_smooth()

    def filter_shapes(self) -> tuple[str, ...]:
        """Names of the parameters that say what filters upsampling has, but for their loudness."""
        layers = self.named_modules()
        return tuple(f"{name}.weight_v" for name, layer in layers if isinstance(layer, NormedConvTranspose1d))

    def forward(
        self,
        asr: Tensor,
        f0_hz: Tensor,
        energy: Tensor,
        style: Tensor,
        *,
        har: Tensor | None = None,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Waveform [B, 1, 2 T hop_samples].

        In training both curves are smoothed by a mean of random width, so that the decoder does not come to
        rely on details that the predictor leaves out.

        Args:
            asr: [B, C, T] text features, one per frame; f0_hz, energy: [B, 2 T].
            style: [B, S], the acoustic half.
            har: source features in place of those that `self.har` would give.
            rng: of the source's noise and the smoothing; None is torch's own.
        """
        if self.training:
            f0_hz = _smoothed(f0_hz, _F0_KERNELS, rng)
            energy = _smoothed(energy, _ENERGY_KERNELS, rng)
        if har is None:
            har = self.har(f0_hz, rng)
        return self.generator(self.frames(asr, f0_hz, energy, style), style, har)

    def har(
        self, f0_hz: Tensor, rng: torch.Generator | None = None, *, noise: Tensor | None = None
    ) -> Tensor:
        """Source features of F0 [B, F]: [B, 1, F hop], or [B, n_fft + 2, F hop / istft_hop + 1].

        `noise` [B, F hop, 9] standard normal in place of draws from `rng`. Always in full precision.
        """
        with torch.autocast(f0_hz.device.type, enabled=False):
            f0_hz = f0_hz.detach().to(self.generator.m_source.l_linear.weight.dtype)
            if noise is None:
                noise = self.generator.m_source.draw_noise(f0_hz, rng)
            return self.generator.har(f0_hz, noise)

    def frames(self, asr: Tensor, f0_hz: Tensor, energy: Tensor, style: Tensor) -> Tensor:
        """What the generator reads, [B, C, 2 T]; arguments as `forward`'s."""
        curves = (self.F0_conv(f0_hz[:, None]), self.N_conv(energy[:, None]))
        x = self.encode(torch.cat((asr, *curves), dim=1), style)
        text = self.asr_res(asr)
        for block in self.decode:
            x = block(torch.cat((x, text, *curves), dim=1), style)
        return x


def _smoothed(curve: Tensor, kernels: tuple[int, ...], rng: torch.Generator | None) -> Tensor:
    """[B, F] by a mean over one of the widths, chosen at random."""
    device = "cpu" if rng is None else rng.device
    kernel = kernels[int(torch.randint(len(kernels), (), generator=rng, device=device))]
    if not kernel:
        return curve
    return functional.avg_pool1d(curve[:, None], kernel, stride=1, padding=kernel // 2)[:, 0]
