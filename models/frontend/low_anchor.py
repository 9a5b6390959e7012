"""The low anchor of listening tests: speech without what lies above 3.5 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, kaiserord, oaconvolve

PASSED_HZ, STOPPED_HZ = 3500.0, 4000.0
"""ITU-R BS.1534-3 wants 25 dB less at 4 kHz and 50 dB less at 4.5 kHz."""
_RIPPLE_DB = 60.0


def low_anchor(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Samples `[T]` without what lies above 3.5 kHz, in step with what they were.

    Raises:
        ValueError: the sample rate has nothing above it that could be missed.
    """
    if sample_rate <= 2 * STOPPED_HZ:
        raise ValueError(f"{sample_rate} Hz holds nothing above {STOPPED_HZ:g} Hz")
    taps, beta = kaiserord(_RIPPLE_DB, (STOPPED_HZ - PASSED_HZ) / (sample_rate / 2))
    kernel = firwin(taps | 1, (PASSED_HZ + STOPPED_HZ) / 2, window=("kaiser", beta), fs=sample_rate)
    return oaconvolve(samples.astype(np.float64), kernel, mode="same").astype(np.float32)
