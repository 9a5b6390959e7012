"""Distance of two log-mel spectrograms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.metrics.warping import warping_path

FloatArray = NDArray[np.floating]

_DB_PER_NEPER = 20.0 / np.log(10.0)


def mel_distance_db(reference: FloatArray, rendered: FloatArray) -> float:
    """Log-spectral distance of two tracks that run in step: per frame RMS over bands, then the mean.

    Args:
        reference: `[M, T]` natural-log mel magnitudes.
        rendered: `[M, T']`; the longer one is cut to the shorter.

    Returns:
        Decibels; 0 for equal spectrograms.

    Raises:
        ValueError: the bands differ or a track has no frame.
    """
    frames = min(reference.shape[1], rendered.shape[1])
    if frames == 0 or reference.shape[0] != rendered.shape[0]:
        raise ValueError(f"cannot compare mels of shapes {reference.shape} and {rendered.shape}")
    return _distance_db(reference[:, :frames], rendered[:, :frames])


def warped_mel_distance_db(
    reference: FloatArray, rendered: FloatArray, path: NDArray[np.int64] | None = None
) -> float:
    """As `mel_distance_db` along a warping path, for renderings with a timing of their own.

    Warping hides timing errors and always finds the kindest path: compare its values only with each
    other, and read them with the duration error.

    Args:
        reference: `[M, N]` natural-log mel magnitudes.
        rendered: `[M, K]`.
        path: `[P, 2]`, see `warping_path`; computed when not given.
    """
    pairs = warping_path(reference, rendered) if path is None else path
    return _distance_db(reference[:, pairs[:, 0]], rendered[:, pairs[:, 1]])


def _distance_db(reference: FloatArray, rendered: FloatArray) -> float:
    difference = _DB_PER_NEPER * (reference.astype(np.float64) - rendered.astype(np.float64))
    return float(np.sqrt((difference**2).mean(axis=0)).mean())
