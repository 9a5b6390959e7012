"""Source signal of the decoders: a sine per harmonic of the pitch, and noise (Wang et al. 2019).

Source: StyleTTS 2 `Modules/istftnet.py`. There the phases are float32 sums that reach 1e4 rad. Here the
cycles of each frame are summed in float64, and only their fractions meet the samples in between.
"""

import torch
from torch import Tensor, nn

_SINE_AMPLITUDE = 0.1
_VOICED_NOISE = 0.003
VOICED_ABOVE_HZ = 10.0


class SineSource(nn.Module):
    """F0 [B, F] in Hz, 0 where unvoiced -> the mixture of its harmonics [B, F * frame_samples]."""

    def __init__(self, sample_rate: int, frame_samples: int, n_harmonics: int = 9) -> None:
        super().__init__()
        self.sample_rate, self.frame_samples, self.n_harmonics = sample_rate, frame_samples, n_harmonics
        self.l_linear = nn.Linear(n_harmonics, 1)

    @torch.no_grad()
    def weigh_alike(self) -> None:
        """Weigh the harmonics of a fresh source alike, without offset.

        As drawn, the offset may be larger than all of them, and the first may weigh nothing.
        """
        self.l_linear.weight.fill_(self.n_harmonics**-0.5)
        self.l_linear.bias.zero_()

    def forward(self, f0_hz: Tensor, noise: Tensor) -> Tensor:
        """`noise` [B, F * frame_samples, n_harmonics] standard normal. No gradient reaches `f0_hz`."""
        sines, _ = self.sines(f0_hz, noise)
        return torch.tanh(self.l_linear(sines)[..., 0])

    @torch.no_grad()
    def sines(self, f0_hz: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S, n_harmonics] with the noise in it, and [B, S, 1] of 0 and 1, 1 where voiced."""
        voiced = (f0_hz > VOICED_ABOVE_HZ).to(noise.dtype)[..., None]
        voiced = voiced.repeat_interleave(self.frame_samples, dim=1)
        spread = voiced * _VOICED_NOISE + (1 - voiced) * (_SINE_AMPLITUDE / 3)
        waves = torch.sin(2 * torch.pi * self.cycles(f0_hz)).to(noise.dtype)
        return _SINE_AMPLITUDE * waves * voiced + spread * noise, voiced

    @torch.no_grad()
    def cycles(self, f0_hz: Tensor) -> Tensor:
        """Phase of every harmonic [B, S, n_harmonics] in cycles, but for whole ones: float32.

        A frame's phase is reached in its middle; between two middles phase runs straight, and it stands still
        before the first and after the last. So do the published models hear it.
        """
        harmonics = torch.arange(1, self.n_harmonics + 1, device=f0_hz.device)
        # Aliased as at the sample rate, which matters to what is unvoiced and below zero alone.
        per_sample = torch.remainder(f0_hz.double()[..., None] * harmonics / self.sample_rate, 1.0)
        steps = per_sample * self.frame_samples
        middles = torch.remainder(steps.cumsum(1), 1.0).float()
        steps = steps.float()
        still = torch.zeros_like(steps[:, :1])
        before = torch.cat((still, steps[:, 1:]), dim=1)
        after = torch.cat((steps[:, 1:], still), dim=1)
        offsets = (torch.arange(self.frame_samples, device=f0_hz.device) + 0.5) / self.frame_samples - 0.5
        slopes = torch.where(offsets[:, None] < 0, before[:, :, None], after[:, :, None])
        return (middles[:, :, None] + slopes * offsets[:, None]).flatten(1, 2)

    def draw_noise(self, f0_hz: Tensor, rng: torch.Generator | None) -> Tensor:
        """What `forward` wants, from `rng` or from torch's generator of the device."""
        shape = (len(f0_hz), f0_hz.shape[1] * self.frame_samples, self.n_harmonics)
        device = f0_hz.device if rng is None else rng.device
        return torch.randn(shape, generator=rng, device=device).to(f0_hz.device, non_blocking=True)
