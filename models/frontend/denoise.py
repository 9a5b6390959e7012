"""Removal of steady noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gate_noise(samples: NDArray[np.float32], sample_rate: int, strength: float) -> NDArray[np.float32]:
    """Spectral gating of mono `[T]`: bins at the level of the steady noise lose `strength` of theirs.

    Sainburg et al., noisereduce (https://github.com/timsainb/noisereduce), stationary algorithm: the
    noise is read from the utterance itself. An utterance shorter than one analysis window, or
    silent, comes back as it is.
    """
    import noisereduce

    window = 1024 if sample_rate >= 22050 else 512
    if samples.size < 2 * window or not np.any(samples):
        return samples
    cleaned = noisereduce.reduce_noise(
        y=samples,
        sr=sample_rate,
        stationary=True,
        prop_decrease=strength,
        n_fft=window,
        n_jobs=1,
        use_tqdm=False,
    )
    return np.nan_to_num(np.asarray(cleaned, dtype=np.float32))
