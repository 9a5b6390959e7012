"""Content features that need no weights: cepstra, their slopes and bends, normalised per utterance.

They carry what is said well enough to train a small voice from scratch, and nothing like HuBERT's separation
of content from speaker: codes made from them fit their own voice only.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from models.frontend.mel import SpectrogramParameters, mel_from_linear

_MEL_BANDS = 40
_MEL_MAX_HZ = 8_000.0
_SLOPE_REACH = 2  # frames on each side, as in HTK
_MIN_DEVIATION = 1e-3


def mfcc_features(linear: Tensor, parameters: SpectrogramParameters, dim: int) -> Tensor:
    """Features [dim, N] from magnitudes [F, N]: dim / 3 cepstra, then slopes, then bends.

    Each feature has zero mean and unit variance over the utterance, so level and channel drop out.
    Raises ValueError when dim is no multiple of 3 or asks for more cepstra than there are bands.
    """
    n_cepstra, remainder = divmod(dim, 3)
    if remainder or not 0 < n_cepstra <= _MEL_BANDS:
        raise ValueError(f"mfcc features come in thirds of at most {_MEL_BANDS}, dim {dim} does not fit")
    bands = parameters._replace(
        n_mels=_MEL_BANDS,
        mel_min_hz=0.0,
        mel_max_hz=min(_MEL_MAX_HZ, parameters.sample_rate / 2.0),
    )
    log_bands = mel_from_linear(linear.unsqueeze(0), bands)[0].double().numpy()
    cepstra = dct(log_bands, type=2, axis=0, norm="ortho")[:n_cepstra]
    slopes = _slope(cepstra)
    stacked = np.concatenate([cepstra, slopes, _slope(slopes)])
    centred = stacked - stacked.mean(axis=1, keepdims=True)
    deviation = np.maximum(stacked.std(axis=1, keepdims=True), _MIN_DEVIATION)
    return torch.from_numpy((centred / deviation).astype(np.float32))


def _slope(track: np.ndarray) -> np.ndarray:
    """Regression slope over _SLOPE_REACH frames on each side; the edges repeat."""
    padded = np.pad(track, ((0, 0), (_SLOPE_REACH, _SLOPE_REACH)), mode="edge")
    n_frames = track.shape[1]
    total = np.zeros_like(track)
    for reach in range(1, _SLOPE_REACH + 1):
        ahead = padded[:, _SLOPE_REACH + reach : _SLOPE_REACH + reach + n_frames]
        behind = padded[:, _SLOPE_REACH - reach : _SLOPE_REACH - reach + n_frames]
        total += reach * (ahead - behind)
    return total / (2 * sum(reach**2 for reach in range(1, _SLOPE_REACH + 1)))
