"""Where in a recording somebody speaks: energy and a voice activity detector on one 10 ms grid.

Neither measure is enough. The detector (silero-vad) knows speech from noise, but its 32 ms frames
smear over short pauses; energy is sharp in time, but knows nothing about music or a passing car.
Everything here is relative to a local noise floor and a local speech level, because recordings are
spliced from different rooms and speakers.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, percentile_filter, uniform_filter1d
from scipy.signal import butter, sosfilt

from models.frontend.audio import resample

ANALYSIS_RATE = 16000
HOP_S = 0.010
SILENT_DBFS = -72.0
"""A recording whose loudest 10 ms frames stay below this has nothing to recover in 16 bits."""

_HOP = int(ANALYSIS_RATE * HOP_S)
_VAD_FRAME = 512
_VAD_LEVEL_DBFS = -20.0
_VAD_MAX_GAIN_DB = 60.0
_FLOOR_DB = -120.0
_FILTER_BLOCK = 1 << 20
_LEVEL_BLOCK = 10
_LEVEL_WINDOW_BLOCKS = 41
_MAX_RANGE_DB = 45.0


class Activity(NamedTuple):
    """Frame measures of one recording; every array is `[n_frames]`, frame `i` starts at `i * HOP_S`.

    energy_db: level of the frame's 10 ms, dBFS, above 60 Hz.
    smooth_db: the same over 50 ms, to find the quietest place.
    speech_probability: silero-vad's, 0 to 1.
    noise_db, speech_db: local noise floor and local level of loud speech, dBFS.
    """

    energy_db: NDArray[np.float32]
    smooth_db: NDArray[np.float32]
    speech_probability: NDArray[np.float32]
    noise_db: NDArray[np.float32]
    speech_db: NDArray[np.float32]
    duration_s: float

    @property
    def level_dbfs(self) -> float:
        """Level of the loudest frames (99th percentile), dBFS."""
        return float(np.percentile(self.energy_db, 99)) if self.energy_db.size else _FLOOR_DB

    @property
    def speech_s(self) -> float:
        """Seconds that the detector calls speech."""
        return float(np.count_nonzero(self.speech_probability > 0.5) * HOP_S)


@lru_cache(maxsize=1)
def _detector() -> Any:
    import torch

    from models.threads import arithmetic_threads

    # Importing it sets torch to one thread, for whatever is computed next.
    with arithmetic_threads(torch.get_num_threads()):
        from silero_vad import load_silero_vad

    with warnings.catch_warnings():
        # It finds its file by importlib.resources.path.
        warnings.simplefilter("ignore", category=DeprecationWarning)
        return load_silero_vad(onnx=True)


def speech_probability(samples_16k: NDArray[np.float32]) -> NDArray[np.float32]:
    """silero-vad's probability of speech per 32 ms frame, `[ceil(T / 512)]`, of `[T]` at 16 kHz.

    The weights come in the wheel (Silero Team, https://github.com/snakers4/silero-vad).
    """
    import torch

    detector = _detector()
    detector.reset_states()
    n_frames = -(-samples_16k.size // _VAD_FRAME)
    probability = np.zeros(n_frames, dtype=np.float32)
    for i in range(n_frames):
        frame = samples_16k[i * _VAD_FRAME : (i + 1) * _VAD_FRAME]
        if frame.size < _VAD_FRAME:
            frame = np.pad(frame, (0, _VAD_FRAME - frame.size))
        probability[i] = float(detector(torch.from_numpy(frame)[None], ANALYSIS_RATE))
    return probability


def frame_energy_db(samples: NDArray[np.float32], hop_samples: int) -> NDArray[np.float32]:
    """Level of each whole hop in dBFS, `[T // hop_samples]`, never below -120."""
    n_frames = samples.size // hop_samples
    blocks = samples[: n_frames * hop_samples].reshape(n_frames, hop_samples)
    power = np.einsum("ij,ij->i", blocks, blocks) / hop_samples
    return np.maximum(10 * np.log10(power + 1e-14), _FLOOR_DB).astype(np.float32)


def analyse_activity(samples: NDArray[np.float32], sample_rate: int) -> Activity:
    """Frame measures of one mono recording `[T]` at `sample_rate` Hz."""
    analysed = _without_rumble(resample(samples, sample_rate, ANALYSIS_RATE))
    energy_db = frame_energy_db(analysed, _HOP)
    if energy_db.size == 0:
        empty = np.zeros(0, dtype=np.float32)
        return Activity(empty, empty, empty, empty, empty, samples.size / sample_rate)
    loud_db = float(np.percentile(energy_db, 95))
    gain_db = min(_VAD_LEVEL_DBFS - loud_db, _VAD_MAX_GAIN_DB)
    # In place: an hour of speech is 230 MB here.
    analysed *= np.float32(10 ** (gain_db / 20))
    probability = speech_probability(np.clip(analysed, -1.0, 1.0, out=analysed))
    frame_of = np.minimum((np.arange(energy_db.size) * _HOP + _HOP // 2) // _VAD_FRAME, probability.size - 1)
    noise_db, speech_db = _local_levels(energy_db)
    power = uniform_filter1d(10 ** (energy_db / 10), 5, mode="nearest")
    return Activity(
        energy_db=energy_db,
        smooth_db=(10 * np.log10(power + 1e-14)).astype(np.float32),
        speech_probability=probability[frame_of],
        noise_db=noise_db,
        speech_db=speech_db,
        duration_s=samples.size / sample_rate,
    )


def _without_rumble(samples_16k: NDArray[np.float32]) -> NDArray[np.float32]:
    """`[T]` above 60 Hz, filtered block by block: an hour is 230 MB, and a copy as much again."""
    sections = butter(2, 60.0, "highpass", fs=ANALYSIS_RATE, output="sos").astype(np.float32)
    state = np.zeros((len(sections), 2), dtype=np.float32)
    filtered = np.empty(samples_16k.size, dtype=np.float32)
    for start in range(0, samples_16k.size, _FILTER_BLOCK):
        block = slice(start, start + _FILTER_BLOCK)
        filtered[block], state = sosfilt(sections, samples_16k[block], zi=state)
    return filtered


def _local_levels(
    energy_db: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Noise floor and speech level around each frame, from 0.1 s blocks over 4 s."""
    n_blocks = -(-energy_db.size // _LEVEL_BLOCK)
    padded = np.pad(energy_db, (0, n_blocks * _LEVEL_BLOCK - energy_db.size), mode="edge")
    blocks = padded.reshape(n_blocks, _LEVEL_BLOCK)
    noise = percentile_filter(blocks.min(1), 10, _LEVEL_WINDOW_BLOCKS, mode="nearest")
    speech = percentile_filter(blocks.max(1), 90, _LEVEL_WINDOW_BLOCKS, mode="nearest")
    # In a silence longer than the window there is no speech to measure: lean on the recording's.
    speech = np.maximum(speech, np.percentile(speech, 90) - 25.0)
    noise = np.minimum(noise, speech - 3.0)
    repeat = np.repeat(np.stack([noise, speech]), _LEVEL_BLOCK, axis=1)[:, : energy_db.size]
    return repeat[0].astype(np.float32), repeat[1].astype(np.float32)


def pause_mask(activity: Activity) -> NDArray[np.bool_]:
    """Which frames are a pause, `[n_frames]`.

    A frame is a pause when it is quiet, or fairly quiet and the detector hears no speech, or when
    the detector has been sure for more than 0.6 s that nobody speaks, however loud it is (music,
    noise). Sounds that stand alone, far from any speech, belong to the pause they interrupt.
    """
    noise = np.maximum(activity.noise_db, activity.speech_db - _MAX_RANGE_DB)
    speech = activity.speech_db
    quiet_db = noise + 0.3 * (speech - noise)
    quiet_db = np.clip(quiet_db, noise + 3.0, np.maximum(noise + 3.0, speech - 22.0))
    probability = activity.speech_probability
    level = median_filter(activity.energy_db, 3, mode="nearest")
    pause = level < quiet_db
    pause |= (probability < 0.3) & (activity.smooth_db < np.maximum(quiet_db, speech - 15.0))
    for start, end in runs(probability < 0.1):
        if end - start > 60:
            pause[start + 10 : end - 10] = True
    return _absorb_lone_sounds(pause, probability)


def _absorb_lone_sounds(pause: NDArray[np.bool_], probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Call sounds without speech a pause unless they touch speech within 0.2 s (a released stop)."""
    result = pause.copy()
    sounds = runs(~pause)
    spoken = [probability[start:end].max() > 0.3 for start, end in sounds]
    for i, (start, end) in enumerate(sounds):
        after_speech = i > 0 and spoken[i - 1] and start - sounds[i - 1][1] < 20
        before_speech = i + 1 < len(sounds) and spoken[i + 1] and sounds[i + 1][0] - end < 20
        if not spoken[i] and not after_speech and not before_speech:
            result[start:end] = True
    return result


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open index ranges where `mask` `[n]` is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
