"""The GE2E speaker encoder whose weights come in resemblyzer's wheel.

Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP 2018; weights by
https://github.com/resemble-ai/Resemblyzer (Apache-2.0). The network is three LSTM layers, so it is
written out here: importing the package itself costs librosa, webrtcvad and pkg_resources.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from configs.errors import UserError
from models.frontend.mel import SpectrogramParameters, slaney_filterbank
from models.published import is_table, load_strictly, read_content, require_finite

SAMPLE_RATE = 16000
N_MELS = 40
WINDOW_FRAMES = 160
"""Frames of 10 ms that the network sees at once."""

_STEP_FRAMES = 77
_LEAST_COVERAGE = 0.75
_LEVEL_DBFS = -30.0
_MELS = SpectrogramParameters(sample_rate=SAMPLE_RATE, n_fft=400, hop_samples=160, n_mels=N_MELS)


class Ge2eEncoder(nn.Module):
    """Mel windows to unit vectors; parameter names are the published checkpoint's."""

    def __init__(self, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(N_MELS, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, hidden)

    def forward(self, mels: Tensor) -> Tensor:
        """Mel power `[B, N, 40]` to embeddings `[B, 256]`, non-negative and of unit length."""
        _, (hidden, _) = self.lstm(mels)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)


@lru_cache(maxsize=1)
def load_ge2e() -> Ge2eEncoder:
    """The encoder with resemblyzer's weights.

    Raises:
        UserError: the package is not installed, so there are no weights.
    """
    spec = find_spec("resemblyzer")
    if spec is None or spec.origin is None:
        raise UserError(
            "`backend` = resemblyzer: the package that holds its weights is not "
            "installed; run `make setup`, or choose `backend`=ecapa"
        )
    return read_ge2e(Path(spec.origin).parent / "pretrained.pt")


def read_ge2e(path: Path) -> Ge2eEncoder:
    """The encoder with the weights of a file.

    Raises:
        UserError: the file is missing, damaged, or not GE2E's.
    """
    content = read_content(path)
    state = content.get("model_state") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not is_table(state):
        raise UserError(f"{path}: has no table 'model_state'; install resemblyzer again")
    # The checkpoint also carries the two scalars of its training loss.
    weights = {name: value for name, value in state.items() if "." in name}
    require_finite(weights, str(path))
    encoder = Ge2eEncoder()
    load_strictly(encoder, weights, str(path))
    return encoder.eval().requires_grad_(False)


def mel_power(samples_16k: NDArray[np.float32]) -> Tensor:
    """Mel power `[N, 40]` of `[T]` at 16 kHz: 25 ms Hann windows every 10 ms, centred."""
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(samples_16k)),
        _MELS.n_fft,
        _MELS.hop_samples,
        window=torch.hann_window(_MELS.n_fft),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return (torch.from_numpy(slaney_filterbank(_MELS)) @ spectrum.abs().square()).T


def embed_ge2e(samples_16k: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit-length embedding `[256]` of speech `[T]` at 16 kHz, pauses already taken out.

    The utterance is seen in windows of 1.6 s, a little overlapping, whose embeddings are averaged.
    """
    level_dbfs = 10 * np.log10(float(np.mean(samples_16k.astype(np.float64) ** 2)) + 1e-12)
    gain = np.float32(10 ** (max(0.0, _LEVEL_DBFS - level_dbfs) / 20))
    starts = _window_starts(samples_16k.size)
    needed = (starts[-1] + WINDOW_FRAMES) * _MELS.hop_samples
    padded = np.pad(samples_16k * gain, (0, max(0, needed - samples_16k.size)))
    mels = mel_power(padded)
    windows = torch.stack([mels[start : start + WINDOW_FRAMES] for start in starts])
    # Loaded outside: weights made in inference mode could never be part of a gradient again.
    encoder = load_ge2e()
    with torch.inference_mode():
        mean = encoder(windows).mean(0)
    return nn.functional.normalize(mean, dim=0).numpy()


def _window_starts(n_samples: int) -> list[int]:
    """First frames of the windows; a last one less than three quarters full is dropped."""
    n_frames = -(-(n_samples + 1) // _MELS.hop_samples)
    starts = list(range(0, max(1, n_frames - WINDOW_FRAMES + _STEP_FRAMES + 1), _STEP_FRAMES))
    covered = (n_samples / _MELS.hop_samples - starts[-1]) / WINDOW_FRAMES
    return starts[:-1] if covered < _LEAST_COVERAGE and len(starts) > 1 else starts
