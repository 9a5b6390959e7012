"""Bringing a content encoder's frames in step with the spectrogram's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

# HuBERT's receptive field costs one frame against the spectrogram; rounding of the rates may add one.
MAX_MISSING_FRAMES = 2


def align_frames(features: Tensor, n_frames: int) -> Tensor:
    """Features [D, N] with exactly n_frames frames: cut, or the last frame repeated.

    GPT-SoVITS repeats exactly one frame. Raises ValueError when more than MAX_MISSING_FRAMES are missing,
    which means that the rates do not fit.
    """
    missing = n_frames - features.shape[-1]
    if missing > MAX_MISSING_FRAMES:
        raise ValueError(
            f"{features.shape[-1]} content frames for {n_frames} spectrogram frames: the encoder's frame "
            f"rate does not fit the family's"
        )
    if missing <= 0:
        return features[:, :n_frames]
    return F.pad(features.unsqueeze(0), (0, missing), mode="replicate").squeeze(0)


def encoded_frames(features: NDArray[np.floating]) -> int:
    """How many of the frames [N, D] that `align_frames` made the encoder itself gave, 1 or more.

    A network never makes two frames alike, so those that repeat the one before are no frames of its own.
    """
    n = len(features)
    for _ in range(MAX_MISSING_FRAMES):
        if n > 1 and np.array_equal(features[n - 1], features[n - 2]):
            n -= 1
    return n
