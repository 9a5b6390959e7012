"""Triangular mel bands, and those that HTK defines (Young et al., The HTK Book)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray


def triangles(
    bins_hz: NDArray[np.floating[Any]], edges_hz: NDArray[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Bands [M, F] that rise from each edge to the next and fall to the one after; M + 2 edges."""
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


@functools.lru_cache(maxsize=16)
def htk_filterbank(n_mels: int, n_bins: int, top_hz: float) -> NDArray[np.float32]:
    """Bands of height one [n_mels, n_bins] from 0 to `top_hz`, where the last bin lies."""
    bins_hz = np.linspace(0.0, top_hz, n_bins)
    return triangles(bins_hz, htk_edges_hz(n_mels, 0.0, top_hz)).astype(np.float32)


def htk_edges_hz(n_mels: int, low_hz: float, top_hz: float) -> NDArray[np.float64]:
    """Edges [n_mels + 2] of bands, evenly spaced on HTK's scale: mel = 2595 log10(1 + Hz / 700)."""
    low_mel, top_mel = 2595.0 * np.log10(1.0 + np.array([low_hz, top_hz]) / 700.0)
    edges_mel = np.linspace(low_mel, top_mel, n_mels + 2)
    return np.asarray(700.0 * (np.power(10.0, edges_mel / 2595.0) - 1.0))
