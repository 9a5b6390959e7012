"""Change of sample rate that a gradient passes through.

Band-limited interpolation by a sinc under a Hann window (Smith, "Digital Audio Resampling"), with the width
and the roll-off that torchaudio takes when nothing else is asked for, and with which StyleTTS 2 feeds WavLM.
"""

from math import ceil, gcd

import torch
from torch import Tensor, nn
from torch.nn import functional

_ZERO_CROSSINGS = 6
_ROLL_OFF = 0.99
"""Share of the lower Nyquist frequency that passes."""


class Resample(nn.Module):
    """Waveforms [B, S] at `from_hz` -> [B, ceil(S * to_hz / from_hz)]."""

    kernel: Tensor

    def __init__(self, from_hz: int, to_hz: int) -> None:
        super().__init__()
        common = gcd(from_hz, to_hz)
        self.n_from, self.n_to = from_hz // common, to_hz // common
        cutoff = _ROLL_OFF * min(self.n_from, self.n_to)
        self.reach = ceil(_ZERO_CROSSINGS * self.n_from / cutoff)
        # Every `n_from` samples give `n_to` new ones, each by its own filter; times in units of the block.
        taps = torch.arange(-self.reach, self.reach + self.n_from, dtype=torch.float64) / self.n_from
        instants = torch.arange(self.n_to, dtype=torch.float64) / self.n_to
        crossings = ((taps - instants[:, None]) * cutoff).clamp(-_ZERO_CROSSINGS, _ZERO_CROSSINGS)
        window = torch.cos(torch.pi * crossings / (2 * _ZERO_CROSSINGS)) ** 2
        kernel = torch.sinc(crossings) * window * (cutoff / self.n_from)
        self.register_buffer("kernel", kernel[:, None].float(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        if self.n_from == self.n_to:
            return wave
        n_out = ceil(wave.shape[1] * self.n_to / self.n_from)
        padded = functional.pad(wave[:, None], (self.reach, self.reach + self.n_from))
        return (
            functional.conv1d(padded, self.kernel, stride=self.n_from).transpose(1, 2).flatten(1)[:, :n_out]
        )
