"""What a recording's samples tell about its quality, without knowing what is said."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt, welch
from scipy.special import gammaincinv, ndtri

from models.frontend.activity import Activity, pause_mask
from models.frontend.reverberation import reverberation_s

MAX_SNR_DB = 60.0

_GAMMA_SHAPE = 0.4
_SNR_GRID_DB = np.arange(-20.0, MAX_SNR_DB + 1.0, 2.0)
_BANDWIDTH_RANGE_DB = 60.0


class Quality(NamedTuple):
    """Measures of one utterance.

    snr_db: signal-to-noise ratio, dB, -20 to 60.
    clipping_ratio: share of samples in flat runs at the peak, 0 to 1.
    bandwidth_hz: highest frequency within 60 dB of the loudest band.
    silence_ratio: share of time in pauses, 0 to 1.
    speech_s: seconds outside pauses.
    peak_dbfs: sample peak.
    reverberation_s: in which the room's sound falls by 60 dB; None where it is not heard.
    """

    snr_db: float
    clipping_ratio: float
    bandwidth_hz: float
    silence_ratio: float
    speech_s: float
    peak_dbfs: float
    reverberation_s: float | None


def measure_quality(samples: NDArray[np.float32], sample_rate: int, activity: Activity) -> Quality:
    """Quality of mono samples `[T]`, not empty, with the activity found in them."""
    pause = pause_mask(activity)
    silence_ratio = float(pause.mean()) if pause.size else 1.0
    peak = float(np.abs(samples).max())
    return Quality(
        snr_db=wada_snr_db(samples, sample_rate),
        clipping_ratio=clipping_ratio(samples),
        bandwidth_hz=bandwidth_hz(samples, sample_rate),
        silence_ratio=silence_ratio,
        speech_s=activity.duration_s * (1.0 - silence_ratio),
        peak_dbfs=20 * math.log10(max(peak, 1e-7)),
        reverberation_s=reverberation_s(samples, sample_rate),
    )


def wada_snr_db(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Signal-to-noise ratio from the distribution of amplitudes of `[T]`, dB, above 60 Hz.

    Kim and Stern, "Robust signal-to-noise ratio estimation based on waveform amplitude distribution
    analysis" (WADA), Interspeech 2008: clean speech has gamma-distributed amplitudes of shape 0.4,
    noise is Gaussian, and log(mean|x|) - mean(log|x|) tells their mixture. It needs no pause, which
    tightly cut clips do not have. Digital silence is left out; an offset or mains hum would look like
    anything but speech, so both are filtered out.
    """
    sounding = np.flatnonzero(np.abs(samples) > 1e-6)
    filtered = sosfilt(butter(4, 60.0, "highpass", fs=sample_rate, output="sos"), samples)
    amplitude = np.abs(filtered[sounding])
    amplitude = amplitude[amplitude > 1e-7]
    if amplitude.size < 100:
        return -20.0
    statistic = math.log(amplitude.mean()) - float(np.log(amplitude).mean())
    return float(np.interp(statistic, _wada_statistic(), _SNR_GRID_DB))


@lru_cache(maxsize=1)
def _wada_statistic() -> NDArray[np.float64]:
    """The statistic at each SNR of the grid, by integrating over both distributions' quantiles."""
    quantiles = (np.arange(600) + 0.5) / 600
    speech = gammaincinv(_GAMMA_SHAPE, quantiles)
    speech /= math.sqrt(_GAMMA_SHAPE * (_GAMMA_SHAPE + 1.0))
    noise = ndtri((np.arange(400) + 0.5) / 400)
    statistic = []
    for snr_db in _SNR_GRID_DB:
        mixture = np.abs(speech[:, None] + 10 ** (-snr_db / 20) * noise[None, :])
        statistic.append(math.log(mixture.mean()) - float(np.log(mixture + 1e-12).mean()))
    return np.maximum.accumulate(np.array(statistic))


def clipping_ratio(samples: NDArray[np.float32]) -> float:
    """Share of `[T]` in runs of three or more samples that stay within 0.1 % of the peak.

    A clipped waveform is flat wherever it was cut, at full scale or, turned down later, below it.
    """
    peak = float(np.abs(samples).max())
    if peak < 1e-3:
        return 0.0
    flat = np.abs(samples) >= peak * 0.999
    three = flat[:-2] & flat[1:-1] & flat[2:]
    in_run = np.zeros(flat.size, dtype=bool)
    for offset in range(3):
        in_run[offset : offset + three.size] |= three
    return float(in_run.mean())


def bandwidth_hz(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Highest frequency whose long-term level is within 60 dB of the loudest band, Hz.

    Speech falls by about 40 dB towards 10 kHz; a telephone or an upsampled file falls off a cliff.
    """
    segment = min(1024, samples.size)
    frequencies, power = welch(samples, sample_rate, nperseg=segment)
    level_db = 10 * np.log10(np.convolve(power, np.ones(5) / 5, mode="same") + 1e-20)
    carried = np.flatnonzero(level_db > level_db[2:].max() - _BANDWIDTH_RANGE_DB)
    return float(frequencies[carried[-1]])
