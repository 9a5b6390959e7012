"""The level at which GPT-SoVITS trains: each clip half as it is, half scaled to a peak of .95."""

from __future__ import annotations

import numpy as np

from models.frontend.audio import Samples

PEAK = 0.95
SHARE = 0.5
"""How much of the scaled clip is mixed with the clip as it is."""


def training_gain(samples: Samples) -> float:
    """What a clip `[S]` in +-1 is multiplied by; 1 for digital silence, which has no peak."""
    peak = float(np.abs(samples).max(initial=0.0))
    return SHARE * PEAK / peak + 1 - SHARE if peak else 1.0
