"""Spectrograms of the voice families, as differentiable torch functions.

`log_mel` and its parts follow GPT-SoVITS (`module/mel_processing.py` of RVC-Boss/GPT-SoVITS): periodic Hann
window, reflection of (n_fft - hop) / 2 samples at both ends, no centring, magnitude sqrt(re^2 + im^2 + 1e-8),
Slaney mel bands with Slaney (area) normalisation, natural logarithm floored at 1e-5. Frame i is centred on
sample (i + 1/2) hop.

`styletts2_mel` follows StyleTTS 2 (`meldataset.py` of yl4579/StyleTTS2), whose mel Kokoro shares: frames of
1200 samples in an FFT of 2048, centred on sample i hop, power, HTK mel bands without normalisation. Its bands
were built for 16 kHz and are laid over audio of 24 kHz, so each lies at 1.5 times its nominal frequency;
every published checkpoint depends on that.

Training losses and the spectrogram stage call the same functions.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.frontend.mel_bands import htk_filterbank, triangles

_POWER_FLOOR = 1e-8
_MEL_FLOOR = 1e-5
# Slaney's Auditory Toolbox (1998): linear below 1 kHz at 200/3 Hz per mel, logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0

_STYLETTS2_N_FFT = 2_048
_STYLETTS2_WINDOW = 1_200
_STYLETTS2_HOP = 300
_STYLETTS2_MELS = 80
_STYLETTS2_BANK_RATE = 16_000
_STYLETTS2_FLOOR = 1e-5
_STYLETTS2_MEAN, _STYLETTS2_STD = -4.0, 4.0


class SpectrogramParameters(NamedTuple):
    """What fixes a family's spectrogram; frequencies in Hz, lengths in samples."""

    sample_rate: int
    n_fft: int
    hop_samples: int
    n_mels: int
    mel_min_hz: float = 0.0
    mel_max_hz: float | None = None

    @property
    def frame_rate_hz(self) -> float:
        return self.sample_rate / self.hop_samples

    @property
    def n_bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def padding_samples(self) -> int:
        """Samples reflected at each end; a signal must be longer than this."""
        return (self.n_fft - self.hop_samples) // 2


def frame_count(n_samples: int, parameters: SpectrogramParameters) -> int:
    """Frames of a signal of n_samples."""
    padded = n_samples + 2 * parameters.padding_samples
    return max(0, (padded - parameters.n_fft) // parameters.hop_samples + 1)


def linear_spectrogram(wave: Tensor, parameters: SpectrogramParameters) -> Tensor:
    """Magnitudes [B, F, N] of waveforms [B, T] in -1..1; F = n_fft / 2 + 1.

    Raises ValueError when T is not longer than the reflected padding.
    """
    if wave.shape[-1] <= parameters.padding_samples:
        raise ValueError(
            f"a signal of {wave.shape[-1]} samples is too short for a spectrogram: it takes more than "
            f"{parameters.padding_samples}"
        )
    padding = parameters.padding_samples
    padded = F.pad(wave.unsqueeze(1), (padding, padding), mode="reflect").squeeze(1)
    window = torch.hann_window(parameters.n_fft, periodic=True, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(
        padded,
        parameters.n_fft,
        hop_length=parameters.hop_samples,
        win_length=parameters.n_fft,
        window=window,
        center=False,
        return_complex=True,
    )
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + _POWER_FLOOR)


def mel_from_linear(linear: Tensor, parameters: SpectrogramParameters) -> Tensor:
    """Natural-log mel spectrogram [B, M, N] from magnitudes [B, F, N]."""
    basis = _mel_basis(parameters, linear.dtype, linear.device)
    return torch.log(torch.clamp(basis @ linear, min=_MEL_FLOOR))


def log_mel(wave: Tensor, parameters: SpectrogramParameters) -> Tensor:
    """Natural-log mel spectrogram [B, M, N] of waveforms [B, T]. Raises ValueError as linear_spectrogram."""
    return mel_from_linear(linear_spectrogram(wave, parameters), parameters)


def frame_energy(linear: Tensor) -> Tensor:
    """L2 norm of each frame's magnitudes: [B, F, N] -> [B, N]."""
    return torch.linalg.vector_norm(linear, dim=1)


def styletts2_frame_count(n_samples: int) -> int:
    """Frames of `styletts2_mel` of n_samples: always even, since two make one frame of durations."""
    return (1 + n_samples // _STYLETTS2_HOP) // 2 * 2


def styletts2_mel(wave: Tensor) -> Tensor:
    """Normalised log-mel [B, 80, N] of waveforms [B, T] at 24 kHz in -1..1; N = styletts2_frame_count(T).

    The published models learned with 5000 samples of silence on both sides of each clip, which belong to
    `wave` here. Raises ValueError when T is not longer than the reflected padding.
    """
    if wave.shape[-1] <= _STYLETTS2_N_FFT // 2:
        raise ValueError(
            f"a signal of {wave.shape[-1]} samples is too short for a spectrogram: it takes more than "
            f"{_STYLETTS2_N_FFT // 2}"
        )
    window = torch.hann_window(_STYLETTS2_WINDOW, periodic=True, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(
        wave,
        _STYLETTS2_N_FFT,
        hop_length=_STYLETTS2_HOP,
        win_length=_STYLETTS2_WINDOW,
        window=window,
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )[..., : styletts2_frame_count(wave.shape[-1])]
    power = spectrum.real.square() + spectrum.imag.square()
    mel = _styletts2_basis(wave.dtype, wave.device) @ power
    return (torch.log(_STYLETTS2_FLOOR + mel) - _STYLETTS2_MEAN) / _STYLETTS2_STD


def log_norm(mel: Tensor) -> Tensor:
    """Energy N of StyleTTS 2: natural log of each frame's L2 norm over the bands, [B, M, N] -> [B, N].

    mel is normalised as by `styletts2_mel`; the norm is that of the bands' power.
    """
    power = torch.exp(mel * _STYLETTS2_STD + _STYLETTS2_MEAN)
    return torch.log(torch.linalg.vector_norm(power, dim=1))


@functools.lru_cache(maxsize=16)
def slaney_filterbank(parameters: SpectrogramParameters) -> NDArray[np.float32]:
    """Triangular mel bands [M, F], each of unit area in Hz (Slaney normalisation)."""
    top_hz = parameters.mel_max_hz or parameters.sample_rate / 2.0
    edges_mel = np.linspace(_hz_to_mel(parameters.mel_min_hz), _hz_to_mel(top_hz), parameters.n_mels + 2)
    edges_hz = _mel_to_hz(edges_mel)
    bins_hz = np.arange(parameters.n_bins) * (parameters.sample_rate / parameters.n_fft)
    width_hz = edges_hz[2:, None] - edges_hz[:-2, None]
    return (triangles(bins_hz, edges_hz) * (2.0 / width_hz)).astype(np.float32)


@functools.lru_cache(maxsize=16)
def _mel_basis(parameters: SpectrogramParameters, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.from_numpy(slaney_filterbank(parameters)).to(device=device, dtype=dtype)


@functools.lru_cache(maxsize=16)
def _styletts2_basis(dtype: torch.dtype, device: torch.device) -> Tensor:
    bank = htk_filterbank(_STYLETTS2_MELS, _STYLETTS2_N_FFT // 2 + 1, _STYLETTS2_BANK_RATE / 2)
    return torch.from_numpy(bank).to(device=device, dtype=dtype)


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return float(_BREAK_HZ / _HZ_PER_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, break_mel) - break_mel))
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, logarithmic)
