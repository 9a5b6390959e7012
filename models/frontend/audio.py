"""Canonical audio: mono float32 in memory, 24-bit FLAC at rest.

Every stage reads and writes its `audio` column through `decode_flac` and `encode_flac`. A 24-bit
integer fits float32's mantissa, so decoding what was encoded and encoding it again changes no byte.
"""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_FULL_SCALE_24 = 1 << 23
_MAX_24 = _FULL_SCALE_24 - 1


class Waveform(NamedTuple):
    """Mono audio: `samples` float32 `[T]` in [-1, 1], `sample_rate` in Hz."""

    samples: Samples
    sample_rate: int


class FlacWriter:
    """Appends mono blocks to one in-memory FLAC stream, so that an hour never lies in RAM as floats.

    The bytes depend on the samples alone, not on how they were cut into blocks.
    """

    def __init__(self, sample_rate: int) -> None:
        import soundfile

        self._buffer = io.BytesIO()
        self._file = soundfile.SoundFile(
            self._buffer, "w", sample_rate, channels=1, subtype="PCM_24", format="FLAC"
        )
        self.n_samples = 0
        self.peak = 0.0

    def write(self, samples: Samples) -> None:
        """Append float samples `[n]`; what lies outside [-1, 1] is limited (`peak` tells)."""
        if samples.size == 0:
            return
        self.n_samples += samples.size
        self.peak = max(self.peak, float(np.abs(samples).max()))
        quantized = np.rint(samples.astype(np.float64) * _FULL_SCALE_24)
        quantized = np.clip(quantized, -_FULL_SCALE_24, _MAX_24).astype(np.int32)
        self._file.write(quantized << 8)  # libsndfile keeps the upper 24 of 32 bits

    def finish(self) -> bytes:
        """Close the stream and return it."""
        self._file.close()
        return self._buffer.getvalue()


def encode_flac(samples: Samples, sample_rate: int) -> bytes:
    """Encode mono float samples `[T]` in [-1, 1] as 24-bit FLAC; the same samples, the same bytes.

    Raises:
        ValueError: `samples` is not one-dimensional, empty, or holds NaN or Inf.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"encode_flac wants non-empty mono samples [T], got {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError("encode_flac: samples hold NaN or Inf")
    writer = FlacWriter(sample_rate)
    writer.write(samples)
    return writer.finish()


def decode_flac(data: bytes) -> Waveform:
    """Decode the bytes of an `audio` column.

    Raises:
        ValueError: the bytes are no FLAC stream, or not mono.
    """
    import soundfile

    try:
        samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not a FLAC stream: {error}") from error
    if samples.ndim != 1:
        raise ValueError(f"canonical audio is mono, got {samples.shape[1]} channels")
    return Waveform(samples, int(sample_rate))


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """Resample mono samples `[T]` between two rates in Hz (soxr, band-limited, high quality)."""
    if from_rate == to_rate:
        return samples
    import soxr

    resampled = soxr.resample(samples, from_rate, to_rate, quality="HQ")
    return np.asarray(resampled, dtype=np.float32)
