"""Pictures and players of sound: samples and feature arrays in, SVG paths and data URIs out.

Everything on one time axis: x runs over the clip's duration, whatever a track's own frame rate is. The
spectrogram image is a palette PNG written here, because it is 30 lines, small, and always the same bytes.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import NamedTuple

import numpy as np

from models.frontend.audio import encode_flac

WAVE_COLUMNS = 600
PALETTE_SIZE = 64
# Night blue, violet, coral, straw: dark to light in even steps of lightness, readable without hue.
PALETTE_ANCHORS = ((10, 14, 34), (58, 38, 112), (158, 54, 116), (233, 110, 84), (252, 222, 164))


class PitchTrack(NamedTuple):
    path: str
    """SVG path in a box of `frames` x 100, high pitch at the top."""
    frames: int
    ticks: list[tuple[float, str]]
    """Height in percent from the top, and Hz."""
    median_hz: float
    rounded_hz: list[int]


def player_uri(samples: np.ndarray, sample_rate: int) -> str:
    """A data URI that browsers play: FLAC of the samples rounded to 16 bit.

    Args:
        samples: float `[T]` in -1..1; values outside are limited.
        sample_rate: samples per second.
    """
    limited = np.clip(np.nan_to_num(samples), -1.0, 1.0 - 2.0**-15)
    # FLAC stores samples whose low bits are all zero as shorter ones: 24-bit files of 16-bit size.
    rounded = (np.round(limited * 2**15) / 2**15).astype(np.float32)
    return _data_uri("audio/flac", encode_flac(rounded, sample_rate))


def wave_path(samples: np.ndarray, columns: int = WAVE_COLUMNS) -> str:
    """Closed SVG path of the waveform's envelope in a box of `columns` x 100, scaled to its peak."""
    if samples.size == 0:
        return ""
    columns = min(columns, samples.size)
    edges = np.linspace(0, samples.size, columns + 1).astype(int)[:-1]
    peak = max(float(np.max(np.abs(samples))), 1e-9)
    upper = 50 - 48 * np.maximum.reduceat(samples, edges) / peak
    lower = 50 - 48 * np.minimum.reduceat(samples, edges) / peak
    forth = [f"{x} {y:.4g}" for x, y in enumerate(upper)]
    back = [f"{x} {y:.4g}" for x, y in zip(range(columns - 1, -1, -1), lower[::-1], strict=True)]
    return "M" + "L".join(forth + back) + "Z"


def envelope_bars(samples: np.ndarray, count: int) -> list[float]:
    """Root mean square of `count` equal stretches, 0-1 of the loudest."""
    if samples.size < count:
        return []
    edges = np.linspace(0, samples.size, count + 1).astype(int)[:-1]
    power = np.add.reduceat(np.square(samples, dtype=np.float64), edges) / np.diff(
        np.append(edges, samples.size)
    )
    level = np.sqrt(power)
    return [round(float(v), 3) for v in level / max(float(level.max()), 1e-9)]


def pitch_track(f0_hz: np.ndarray) -> PitchTrack | None:
    """The voiced stretches as one path; None where nothing is voiced."""
    f0 = np.nan_to_num(np.asarray(f0_hz, dtype=np.float64))
    voiced = f0[f0 > 0]
    if voiced.size == 0:
        return None
    low = max(0.0, 25 * np.floor((np.percentile(voiced, 1) - 10) / 25))
    high = 25 * np.ceil((np.percentile(voiced, 99) + 10) / 25)
    height = 100 * (high - np.clip(f0, low, high)) / (high - low)
    parts = []
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (f0 > 0).astype(int), [0]))))
    for start, end in edges.reshape(-1, 2):
        points = "L".join(f"{i} {height[i]:.4g}" for i in range(start, end))
        parts.append(f"M{points}" + ("h0.01" if end - start == 1 else ""))
    step = 50 if high - low <= 200 else 100
    ticks = [
        (round(100 * (high - hz) / (high - low), 2), f"{hz:.0f}")
        for hz in np.arange(step * np.ceil(low / step), high + 1, step)
        if 8 <= 100 * (high - hz) / (high - low) <= 92
    ]
    rounded = [round(v) for v in f0.tolist()]
    return PitchTrack("".join(parts), f0.size, ticks, float(np.median(voiced)), rounded)


def mel_image(log_mel: np.ndarray) -> str:
    """Data URI of a palette PNG: time to the right, frequency up, contrast from the clip itself.

    Args:
        log_mel: natural-log mel `[n_frames, n_mels]`.
    """
    finite = np.nan_to_num(np.asarray(log_mel, dtype=np.float32), neginf=-20.0, posinf=20.0)
    low, high = np.percentile(finite, (4, 99.7))
    level = (finite - low) / max(float(high - low), 1e-6)
    indices = np.round(np.clip(level, 0, 1) * (PALETTE_SIZE - 1)).astype(np.uint8)
    return _data_uri("image/png", palette_png(indices.T[::-1], _palette()))


def palette_png(indices: np.ndarray, palette: np.ndarray) -> bytes:
    """PNG file of palette indices.

    Args:
        indices: uint8 `[height, width]`.
        palette: uint8 `[colours, 3]`, at most 256 colours.
    """
    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1).tobytes()
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _palette() -> np.ndarray:
    anchors = np.array(PALETTE_ANCHORS, dtype=np.float64)
    at = np.linspace(0, len(anchors) - 1, PALETTE_SIZE)
    columns = [np.interp(at, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    return np.round(np.stack(columns, axis=1)).astype(np.uint8)


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
