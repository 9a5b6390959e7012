"""How long a room goes on sounding, from speech alone.

Where somebody stops, a room's sound falls off by itself. In every band of hearing the runs of falling level
are searched, a line is fitted to each, and the slow ones tell the room: no talker ends a sound faster than
the room does. After Prego, de Lima and Netto, "A blind algorithm for reverberation-time estimation using
subband decomposition of speech signals", JASA 131 (2012); bands, lengths and the percentile are our own
choice, measured by `bench/denoising.py`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.frontend.audio import resample

_RATE = 16_000
_HOP, _WINDOW, _N_FFT = 160, 400, 512
_BAND_EDGES_HZ = np.geomspace(250.0, 7000.0, 13)
_SMOOTHED_FRAMES = 3
_LEAST_FRAMES = 10
_LEAST_FALL_DB = 10.0
_PERCENTILE = 75
_FEWEST_FALLS = 6
_BLOCK_FRAMES = 4096


def reverberation_s(samples: NDArray[np.float32], sample_rate: int) -> float | None:
    """Seconds in which the sound of mono speech `[T]` falls by 60 dB; None where too few falls are heard.

    A dry recording comes to .2 to .4: so slowly do talkers themselves end their sounds. Noise hides a room.
    """
    levels = _band_levels_db(resample(samples, sample_rate, _RATE))
    falls = np.concatenate([_fall_times_s(band) for band in levels])
    return float(np.percentile(falls, _PERCENTILE)) if falls.size >= _FEWEST_FALLS else None


def _band_levels_db(samples_16k: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level `[bands, frames]` every 10 ms, smoothed over three."""
    if samples_16k.size < _WINDOW + _SMOOTHED_FRAMES * _HOP:
        return np.zeros((_BAND_EDGES_HZ.size - 1, 0))
    frames = np.lib.stride_tricks.sliding_window_view(samples_16k, _WINDOW)[::_HOP]
    hz = np.fft.rfftfreq(_N_FFT, 1 / _RATE)
    bands = np.stack([(hz >= low) & (hz < high) for low, high in zip(*_edges(), strict=True)]).astype(float)
    power = np.concatenate(
        [
            np.square(np.abs(np.fft.rfft(frames[at : at + _BLOCK_FRAMES] * np.hanning(_WINDOW), _N_FFT)))
            @ bands.T
            for at in range(0, len(frames), _BLOCK_FRAMES)
        ]
    )
    level = 10 * np.log10(power.T + 1e-12)
    n_frames = level.shape[1] - _SMOOTHED_FRAMES + 1
    shifted = [level[:, at : at + n_frames] for at in range(_SMOOTHED_FRAMES)]
    return np.asarray(np.mean(shifted, axis=0))


def _edges() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _BAND_EDGES_HZ[:-1], _BAND_EDGES_HZ[1:]


def _fall_times_s(level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds to fall by 60 dB of every long and deep enough run of falling level in `[frames]`."""
    falling = np.concatenate(([False], np.diff(level_db) < 0, [False]))
    edges = np.flatnonzero(np.diff(falling.astype(np.int8)))
    times = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        run = level_db[start : end + 1]
        if end - start + 1 >= _LEAST_FRAMES and run[0] - run[-1] >= _LEAST_FALL_DB:
            at = np.arange(run.size) - (run.size - 1) / 2
            slope_db_per_s = float(at @ run) / float(at @ at) * (_RATE / _HOP)
            times.append(-60.0 / slope_db_per_s)
    return np.array(times)
