"""The family's frame grid: which every per-frame feature of an utterance shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from models.frontend.audio import Samples, decode_flac, resample
from models.frontend.mel import SpectrogramParameters, frame_count, styletts2_frame_count


class FrameSettings(Protocol):
    """The part of the family's settings that frames follow from ; see configs.family."""

    sample_rate: int
    hop_samples: int
    n_fft: int
    n_mels: int
    mel: str
    edge_silence_samples: int
    mel_min_hz: float
    mel_max_hz: float | None


def spectrogram_parameters(family: FrameSettings) -> SpectrogramParameters:
    """The family's spectrogram of linear magnitudes in the models' terms."""
    return SpectrogramParameters(
        sample_rate=family.sample_rate,
        n_fft=family.n_fft,
        hop_samples=family.hop_samples,
        n_mels=family.n_mels,
        mel_min_hz=family.mel_min_hz,
        mel_max_hz=family.mel_max_hz,
    )


def family_wave(row: Mapping[str, Any], family: FrameSettings) -> Samples:
    """The row's audio [T] at the family's sample rate, between the family's edge silence.

    Every stage resamples in the same way, so their frame counts agree.
    """
    wave = decode_flac(row["audio"])
    samples = resample(wave.samples, wave.sample_rate, family.sample_rate)
    return np.pad(samples, family.edge_silence_samples) if family.edge_silence_samples else samples


def family_frame_count(n_samples: int, family: FrameSettings) -> int:
    """Frames of n_samples of `family_wave`, in every per-frame feature."""
    if family.mel == "styletts2":
        return styletts2_frame_count(n_samples)
    return frame_count(n_samples, spectrogram_parameters(family))


def first_frame_centre(family: FrameSettings) -> int:
    """The sample of `family_wave` that frame 0 is centred on; each next one lies a hop later."""
    return 0 if family.mel == "styletts2" else family.hop_samples // 2
