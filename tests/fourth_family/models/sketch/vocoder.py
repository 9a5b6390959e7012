"""Normalised mels of `models.frontend.mel.styletts2_mel` as waveforms, by Griffin and Lim (1984)."""

from __future__ import annotations

import torch
from torch import Tensor

from models.frontend.mel_bands import htk_filterbank

N_FFT, WINDOW, HOP, BANK_TOP_HZ = 2048, 1200, 300, 8_000.0


def waveform(mel: Tensor, generator: torch.Generator, iterations: int = 32) -> Tensor:
    """Samples [T * 300] at 24 kHz of a normalised mel [80, T]."""
    bank = torch.from_numpy(htk_filterbank(mel.shape[0], N_FFT // 2 + 1, BANK_TOP_HZ))
    power = torch.linalg.pinv(bank) @ (mel.float() * 4.0 - 4.0).exp()
    magnitude = power.clamp(min=1e-9).sqrt()
    window = torch.hann_window(WINDOW)
    angles = 2 * torch.pi * torch.rand(magnitude.shape, generator=generator)
    spectrum = torch.polar(magnitude, angles)
    n_samples = mel.shape[1] * HOP
    for _ in range(iterations):
        wave = torch.istft(spectrum, N_FFT, HOP, WINDOW, window, length=n_samples)
        again = torch.stft(wave, N_FFT, HOP, WINDOW, window, return_complex=True)[:, : mel.shape[1]]
        spectrum = torch.polar(magnitude, again.angle())
    return torch.istft(spectrum, N_FFT, HOP, WINDOW, window, length=n_samples)
