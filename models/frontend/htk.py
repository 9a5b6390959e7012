"""Mel bands as HTK defines them (Young et al., The HTK Book): mel = 2595 log10(1 + Hz / 700)."""

import functools

import numpy as np
from numpy.typing import NDArray


@functools.lru_cache(maxsize=16)
def htk_filterbank(n_mels: int, n_bins: int, top_hz: float) -> NDArray[np.float32]:
    """Triangles of unit height [n_mels, n_bins] from 0 to `top_hz`, where the last bin lies."""
    edges_hz = 700 * (10 ** (np.linspace(0, _mel(top_hz), n_mels + 2) / 2595) - 1)
    bins_hz = np.linspace(0, top_hz, n_bins)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising, falling = (bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _mel(hz: float) -> float:
    return 2595 * float(np.log10(1 + hz / 700))
