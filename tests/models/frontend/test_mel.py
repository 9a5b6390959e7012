"""Spectrograms equal the recorded ones, and the mel matrix equals librosa's."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.mel import (
    SpectrogramParameters,
    frame_count,
    frame_energy,
    linear_spectrogram,
    log_mel,
    mel_from_linear,
    slaney_filterbank,
)
from tests.models.golden_store import read_arrays, read_table

FAMILY = SpectrogramParameters(sample_rate=32_000, n_fft=2_048, hop_samples=640, n_mels=128)


def golden_wave(name: str, n_samples: int, sample_rate: int = 32_000) -> np.ndarray:
    """The test waveform of the goldens' section 3."""
    time_s = np.arange(n_samples) / sample_rate
    f0_hz = 140 + 30 * np.sin(2 * np.pi * 1.3 * time_s)
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 2.1 * time_s)
    wave = envelope * sum(np.sin(h * phase + 0.3 * h) / h for h in range(1, 9))
    wave = 0.55 * wave / np.abs(wave).max()
    random = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    return (wave + 0.01 * random.standard_normal(n_samples)).astype(np.float32)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.golden
def test_recorded_spectrograms(goldens: Path) -> None:
    folder = goldens / "gpt_sovits"
    case = read_table(folder, "case.json")
    recorded = read_arrays(folder, "mel")
    n_samples = case["mel"]["N"]
    waves = np.stack([golden_wave(f"{case['tag']}/mel/{b}", n_samples) for b in range(2)])

    linear = linear_spectrogram(torch.from_numpy(waves), FAMILY)
    assert list(linear.shape) == recorded["spec#shape"].tolist()
    assert linear.shape[-1] == frame_count(n_samples, FAMILY) == int(recorded["n_frames"])
    sampled = linear.numpy().ravel()[:: int(recorded["spec#step"])]
    assert relative_error(sampled, recorded["spec#sub"]) < 1e-4
    for name, mel in (
        ("mel_from_spec", mel_from_linear(linear, FAMILY)),
        ("mel", log_mel(torch.from_numpy(waves), FAMILY)),
    ):
        assert relative_error(mel.numpy(), recorded[name]) < 1e-4
        assert np.abs(mel.numpy() - recorded[name]).max() < 2e-4
    basis = slaney_filterbank(FAMILY).ravel()[:: int(recorded["mel_basis#step"])]
    assert relative_error(basis, recorded["mel_basis#sub"]) < 1e-4


@pytest.mark.parametrize(
    ("sample_rate", "n_fft", "n_mels", "low_hz", "high_hz"),
    [(32_000, 2_048, 128, 0.0, None), (24_000, 2_048, 80, 0.0, 12_000.0), (16_000, 512, 40, 50.0, 7_600.0)],
)
def test_filterbank_is_slaneys(
    sample_rate: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float | None
) -> None:
    import librosa

    expected = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=low_hz, fmax=high_hz)
    parameters = SpectrogramParameters(sample_rate, n_fft, n_fft // 4, n_mels, low_hz, high_hz)
    np.testing.assert_allclose(slaney_filterbank(parameters), expected, atol=1e-7)


@settings(deadline=None, max_examples=30)
@given(st.integers(min_value=705, max_value=40_000))
def test_frame_count_is_the_spectrograms(n_samples: int) -> None:
    linear = linear_spectrogram(torch.zeros(1, n_samples), FAMILY)
    assert linear.shape == (1, 1_025, frame_count(n_samples, FAMILY))


def test_too_short_a_signal_is_named() -> None:
    with pytest.raises(ValueError, match="704"):
        linear_spectrogram(torch.zeros(1, 704), FAMILY)


def test_silence_is_the_logarithm_of_the_published_floor() -> None:
    """`spectral_normalize_torch` of GPT-SoVITS and its ancestors clamps at 1e-5."""
    silent = log_mel(torch.zeros(1, 6_400), FAMILY)
    np.testing.assert_allclose(silent.numpy(), np.log(1e-5), rtol=1e-6)


def test_gradients_reach_the_waveform() -> None:
    wave = torch.randn(2, 6_400, requires_grad=True)
    log_mel(wave, FAMILY).sum().backward()
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()
    assert wave.grad.abs().sum() > 0


def test_energy_grows_with_level() -> None:
    wave = torch.from_numpy(golden_wave("energy", 16_000))[None]
    quiet, loud = (frame_energy(linear_spectrogram(gain * wave, FAMILY)) for gain in (0.1, 1.0))
    assert quiet.shape == (1, 25)
    torch.testing.assert_close(loud / quiet, torch.full_like(loud, 10.0), rtol=1e-2, atol=0.0)


def test_silence_is_at_the_published_floor() -> None:
    """GPT-SoVITS, mel_processing.py: spectral_normalize_torch clips at 1e-5 before it takes the logarithm."""
    silence = log_mel(torch.zeros(1, 4 * FAMILY.n_fft), FAMILY)
    torch.testing.assert_close(silence, torch.full_like(silence, np.log(1e-5)))
