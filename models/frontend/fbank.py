"""Kaldi's log-mel filterbank, without dither: what speaker networks trained with Kaldi's features read.

Source: `FbankComputer` and `MelBanks` of Kaldi (`feat/feature-fbank.cc`, `feat/mel-computations.cc`): frames
without padding ("snip edges"), mean removed per frame, pre-emphasis, Povey window, power spectrum, triangles
that are straight lines in mel, natural logarithm floored at float32's epsilon.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_FLOOR = torch.finfo(torch.float32).eps
_POVEY_POWER = 0.85


class FbankParameters(NamedTuple):
    """What fixes a filterbank; lengths in samples, frequencies in Hz."""

    sample_rate: int = 16_000
    window_samples: int = 400
    hop_samples: int = 160
    n_fft: int = 512
    n_mels: int = 80
    mel_min_hz: float = 20.0
    pre_emphasis: float = 0.97


KALDI_16K = FbankParameters()
"""80 bands of 25 ms frames every 10 ms at 16 kHz."""


def kaldi_fbank(wave: Tensor, parameters: FbankParameters = KALDI_16K) -> Tensor:
    """Log-mel energies `[..., N, M]` of waveforms `[..., T]` in -1..1; N = 1 + (T - window) // hop.

    Raises:
        ValueError: the waveform is shorter than one window.
    """
    window_samples, hop_samples = parameters.window_samples, parameters.hop_samples
    if wave.shape[-1] < window_samples:
        raise ValueError(
            f"a clip of {wave.shape[-1]} samples is shorter than the {window_samples} samples "
            f"({1000 * window_samples / parameters.sample_rate:g} ms) of one frame"
        )
    frames = wave.unfold(-1, window_samples, hop_samples)
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)
    frames = (frames - parameters.pre_emphasis * before) * _povey_window(window_samples).to(wave)
    power = torch.fft.rfft(frames, parameters.n_fft).abs().square()
    return (power @ _mel_bands(parameters).to(wave)).clamp_min(_FLOOR).log()


@functools.lru_cache(maxsize=2)
def _povey_window(n_samples: int) -> Tensor:
    return torch.hann_window(n_samples, periodic=False, dtype=torch.float64) ** _POVEY_POWER


@functools.lru_cache(maxsize=2)
def _mel_bands(parameters: FbankParameters) -> Tensor:
    """Triangles `[n_fft / 2 + 1, M]`; the bin at half the sample rate takes no part."""
    nyquist_hz = parameters.sample_rate / 2
    low, high = _hz_to_mel(parameters.mel_min_hz), _hz_to_mel(nyquist_hz)
    corners = torch.linspace(low, high, parameters.n_mels + 2, dtype=torch.float64)
    bins_hz = torch.arange(parameters.n_fft // 2, dtype=torch.float64) * (
        parameters.sample_rate / parameters.n_fft
    )
    mel = 1127.0 * torch.log1p(bins_hz / 700.0)[:, None]
    rising = (mel - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - mel) / (corners[2:] - corners[1:-1])
    return F.pad(torch.minimum(rising, falling).clamp_min(0.0), (0, 0, 0, 1))


def _hz_to_mel(hz: float) -> float:
    return 1127.0 * math.log1p(hz / 700.0)
