"""How good speech sounds to listeners, predicted: DNSMOS P.835.

Source: Reddy, Gopal, Cutler 2022 (arXiv 2110.01763); its network and the polynomials behind it as published
in github.com/microsoft/DNS-Challenge. It tells broken speech from good; small differences mean nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.published.onnx_network import run_network

SAMPLE_RATE = 16_000
FILE = "sig_bak_ovr.onnx"
_WINDOW_S = 9.01
_WINDOW = int(_WINDOW_S * SAMPLE_RATE)
_SIGNAL = (-0.08397278, 1.22083953, 0.0052439)
_BACKGROUND = (-0.13166888, 1.60915514, -0.39604546)
_OVERALL = (-0.06766283, 1.11546468, 0.04602535)


class Naturalness(NamedTuple):
    """Opinions from 1 (bad) to 5 (excellent)."""

    signal: float
    background: float
    overall: float


def dnsmos(samples_16k: NDArray[np.float32], network: Path) -> Naturalness:
    """Mean opinion on `[T]` in +-1 at 16 kHz.

    Speech is heard in windows of nine seconds, one every second; shorter speech is doubled until it fills
    one.

    Args:
        samples_16k: One sample or more.
        network: `FILE`, as it is published.
    """
    whole = samples_16k
    while len(whole) < _WINDOW:
        whole = np.concatenate((whole, whole))
    # As published: what is beyond the last whole second starts no window.
    starts = range(0, (int(len(whole) // SAMPLE_RATE - _WINDOW_S) + 1) * SAMPLE_RATE, SAMPLE_RATE)
    windows = np.stack([whole[start : start + _WINDOW] for start in starts]).astype(np.float32)
    raw = np.concatenate([run_network(network, input_1=one[None]) for one in windows])
    opinions = [
        np.polyval(curve, raw[:, at]).mean() for at, curve in enumerate((_SIGNAL, _BACKGROUND, _OVERALL))
    ]
    return Naturalness(*map(float, opinions))
