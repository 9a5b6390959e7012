"""Mel-cepstral distortion along a warping path (Kubichek 1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from models.metrics.warping import warping_path

COEFFICIENTS = 13
_DB = 10.0 / np.log(10.0) * np.sqrt(2.0)


def mel_cepstral_distortion_db(
    reference: NDArray[np.floating], rendered: NDArray[np.floating], path: NDArray[np.int64] | None = None
) -> float:
    """Mean over the path of `10 / ln 10 * sqrt(2 * sum (c_k - c'_k)^2)`, k = 1 to 13, without loudness (c_0).

    So it is the RMS difference of two envelopes in dB. The cepstra are of the log-mel spectrogram, not of a
    vocoder's envelope: compare values only with values of this function.

    Args:
        reference: `[M, N]` natural-log mel magnitudes.
        rendered: `[M, K]`.
        path: `[P, 2]`, see `warping_path`; computed when not given.
    """
    pairs = warping_path(reference, rendered) if path is None else path
    ours, theirs = (cepstra(mel) for mel in (reference, rendered))
    apart = ours[:, pairs[:, 0]] - theirs[:, pairs[:, 1]]
    return float(_DB * np.sqrt((apart**2).sum(axis=0)).mean())


def cepstra(log_mel: NDArray[np.floating]) -> NDArray[np.float64]:
    """`[13, T]` of `[M, T]` natural-log mel magnitudes, each the amplitude of its cosine; M is 14 or more."""
    found: NDArray[np.float64] = dct(log_mel.astype(np.float64), type=2, axis=0, norm="ortho")
    return found[1 : COEFFICIENTS + 1] * np.sqrt(2.0 / log_mel.shape[0])
