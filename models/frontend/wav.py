"""Audio for people: 16-bit WAV, which every player opens."""

from __future__ import annotations

import io

import numpy as np

from models.frontend.audio import Samples


def encode_wav(samples: Samples, sample_rate: int) -> bytes:
    """Mono float samples `[T]` as 16-bit WAV; a peak above full scale is brought down, never wrapped."""
    import soundfile

    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1.0:
        samples = samples / np.float32(peak)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, subtype="PCM_16", format="WAV")
    return buffer.getvalue()
