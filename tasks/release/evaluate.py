"""The stage `evaluate`: how far renderings are from recordings, by path.

Every name starts with the path it measures (see the family's `synthesize`). Paths in step with the recording
are compared frame by frame; those with a timing of their own are compared along a warping path, which is
kinder: compare those numbers only with each other.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from configs.naming import named_in
from models.frontend.activity import analyse_activity
from models.frontend.audio import Samples, Waveform, decode_flac
from models.frontend.f0 import track_pitch
from models.frontend.mel import SpectrogramParameters, log_mel
from models.metrics.cepstral import mel_cepstral_distortion_db
from models.metrics.duration import duration_error_percent
from models.metrics.intervals import Interval, ratio_interval
from models.metrics.pitch import pitch_error
from models.metrics.spectral import mel_distance_db, warped_mel_distance_db
from models.metrics.warping import warping_path
from models.speaker.encoder import embed_speaker
from tasks.device import CPU, chosen_device
from tasks.release.judged import centre
from tasks.release.judges import Judges
from tasks.release.samples import LISTING, RECORDING, SENTENCES
from tasks.release.verdict import verdict
from tasks.stage import ConfigView, Inputs, Produced, Work

ABOUT = {
    "mel_distance_db": "log-mel distance to the recording, frame by frame, dB",
    "warped_mel_distance_db": "log-mel distance to the recording along a warping path, dB",
    "mel_cepstral_distortion_db": "RMS difference of spectral envelopes along a warping path, dB",
    "f0_rmse_cents": "pitch error where both are voiced, frame by frame, cents",
    "warped_f0_rmse_cents": "pitch error where both are voiced along the warping path, cents",
    "f0_correlation": "correlation of log pitch where both are voiced, -1 to 1",
    "voicing_error": "share of frames with the wrong voicing, 0-1",
    "f0_frames": "frames that both voice, on which pitch error and correlation rest",
    "duration_error_percent": "absolute difference of the durations, percent of the recording",
    "speaker_similarity": "cosine of speaker embeddings, to the speaker's centroid",
}


SPOKEN = ("text", SENTENCES)
"""Paths by which a voice speaks as listeners get it."""
WEIGHTS = {"word_error_rate": "words", "character_error_rate": "characters"}
"""Rates of errors, and what they are of."""
Embedding = NDArray[np.float32]


class Sound(NamedTuple):
    """One sample with what every metric needs of it."""

    path: Path
    wave: Waveform
    mel: NDArray[np.float32]
    f0_hz: NDArray[np.float32]


def evaluate_renderings(
    inputs: Inputs,
    cfg: ConfigView,
    work: Work,
    further: Sequence[Mapping[str, Any]] = (),
    about: Mapping[str, str] = {},
) -> Produced:
    """Measure every rendering; `evaluation.json` holds means with meanings, and each clip's values.

    Args:
        inputs, cfg, work: Of the family's stage, which reads and declares what `stages.EVALUATE` does.
        further: Clips (`utterance_id` and values named `path/metric`) that the family measured otherwise.
        about: What their metrics measure.
    """
    files = inputs.files("synthesize")
    listing = json.loads(files[LISTING].read_text(encoding="utf-8"))
    profiles = inputs.table("speaker_profile", ["speaker", "centroid"]).to_pylist()
    centroids = {p["speaker"]: np.asarray(p["centroid"], dtype=np.float32) for p in profiles}
    by_clip: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for entry in listing:
        by_clip[entry["utterance_id"]][entry["kind"]] = entry
    judges = Judges.of(cfg.release.evaluate, cfg.compute.threads)
    recorded = {
        speaker: _embedded(judges, [files[e["file"]] for e in entries])
        for speaker, entries in _by_speaker(e for e in listing if e["kind"] == RECORDING).items()
    }
    clips = []
    for number, (name, entries) in enumerate(by_clip.items()):
        work.heed_stop()
        sounds = {kind: _sound(files[entry["file"]], cfg) for kind, entry in entries.items()}
        first = next(iter(entries.values()))
        in_step = {kind for kind, entry in entries.items() if entry["in_step"]}
        values = measure(sounds, in_step) if RECORDING in sounds else {}
        values |= speaker_similarities(sounds, centroids.get(first["speaker"]), cfg)
        values |= _judged(judges, sounds, first, recorded.get(first["speaker"], {}))
        clips.append({"utterance_id": name, **values})
        work.progress(number + 1, len(by_clip), name)
    clips += [dict(clip) for clip in further]
    known = ABOUT | dict(about)
    for language in dict.fromkeys(entry["language"] for entry in listing):
        known = judges.about(language) | known
    intervals = summaries(clips)
    metrics = {name: one.mean for name, one in intervals.items()}
    path = work.dir / "evaluation.json"
    evaluation = {
        "verdict": verdict(intervals),
        "metrics": {
            name: {
                "mean": one.mean,
                "low": one.low,
                "high": one.high,
                "about": describe(name, known),
                "clips": _counted(clips, name),
            }
            for name, one in intervals.items()
        },
        "clips": [{n: v for n, v in clip.items() if _known(v)} for clip in clips],
    }
    path.write_text(json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Produced(files={path.name: path}, metrics=metrics)


def measure(sounds: Mapping[str, Sound], in_step: Collection[str]) -> dict[str, float]:
    """Distances of one clip's renderings to its recording; NaN where nothing could be compared.

    Args:
        sounds: By path, `recording` among them.
        in_step: Paths whose timing is the recording's.
    """
    recording = sounds[RECORDING]
    values: dict[str, float] = {}
    for kind, sound in sounds.items():
        if kind == RECORDING:
            continue
        values |= _in_step(kind, recording, sound) if kind in in_step else _warped(kind, recording, sound)
    return values


def _in_step(kind: str, recording: Sound, sound: Sound) -> dict[str, float]:
    pitch = pitch_error(recording.f0_hz, sound.f0_hz)
    return {
        f"{kind}/mel_distance_db": mel_distance_db(recording.mel, sound.mel),
        f"{kind}/f0_rmse_cents": pitch.rmse_cents,
        f"{kind}/f0_correlation": pitch.correlation,
        f"{kind}/voicing_error": pitch.voicing_error,
        f"{kind}/f0_frames": float(pitch.voiced_frames),
    }


def _warped(kind: str, recording: Sound, sound: Sound) -> dict[str, float]:
    path = warping_path(recording.mel, sound.mel)
    pitch = pitch_error(recording.f0_hz[path[:, 0]], sound.f0_hz[path[:, 1]])
    return {
        f"{kind}/mel_cepstral_distortion_db": mel_cepstral_distortion_db(recording.mel, sound.mel, path),
        f"{kind}/warped_mel_distance_db": warped_mel_distance_db(recording.mel, sound.mel, path),
        f"{kind}/warped_f0_rmse_cents": pitch.rmse_cents,
        f"{kind}/duration_error_percent": abs(duration_error_percent(_seconds(recording), _seconds(sound))),
    }


def speaker_similarities(
    sounds: Mapping[str, Sound], centroid: NDArray[np.float32] | None, cfg: ConfigView
) -> dict[str, float]:
    """Cosine of each rendering, and of the recording as the yardstick, to the speaker's centroid."""
    if centroid is None:
        return {}
    speaker = cfg.features.speaker
    device = chosen_device(cfg.compute.device) if speaker.backend == "ecapa" else CPU
    values = {}
    for kind, sound in sounds.items():
        samples, rate = sound.wave
        with named_in("features.speaker"):
            embedding = embed_speaker(
                samples,
                rate,
                analyse_activity(samples, rate),
                speaker.backend,
                speaker.model,
                speaker.download,
                device,
            )
        values[f"{kind}/speaker_similarity"] = float(np.dot(embedding, centroid))
    return values


def _judged(
    judges: Judges, sounds: Mapping[str, Sound], entry: Mapping[str, Any], recorded: Mapping[Path, Embedding]
) -> dict[str, float]:
    """What the judges make of whatever a listener could get: the recording, and speech from text.

    Args:
        judges: Who is here.
        sounds: Of one text, by path.
        entry: What is listed of one of them.
        recorded: The same speaker's recordings, as the second encoder hears them.
    """
    values: dict[str, float] = {}
    for kind in (RECORDING, *SPOKEN):
        if kind not in sounds:
            continue
        heard = judges.judge(sounds[kind].wave, entry["text"], entry["language"])
        values |= {f"{kind}/{name}": value for name, value in heard.items() if name not in WEIGHTS.values()}
        # Without a path: they are of the text.
        values |= {name: value for name, value in heard.items() if name in WEIGHTS.values()}
        own = judges.embedding(sounds[kind].wave)
        if own is not None and recorded:
            # A recording is no witness of itself.
            others = [one for path, one in recorded.items() if path != sounds[kind].path]
            if others:
                values[f"{kind}/independent_similarity"] = float(own @ centre(others))
    return values


def _by_speaker(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        found[entry["speaker"]].append(entry)
    return found


def _embedded(judges: Judges, recordings: Sequence[Path]) -> dict[Path, Embedding]:
    waves = ((path, decode_flac(path.read_bytes())) for path in recordings)
    found = ((path, judges.embedding(wave)) for path, wave in waves)
    return {path: own for path, own in found if own is not None}


def summaries(clips: Sequence[Mapping[str, Any]]) -> dict[str, Interval]:
    """Every metric over the clips that have it: rates of errors are errors over words, the others means."""
    names = dict.fromkeys(name for clip in clips for name in clip if "/" in name)
    found = {}
    for name in names:
        having = [clip for clip in clips if _known(clip.get(name))]
        weight = WEIGHTS.get(name.partition("/")[2])
        weights = [float(clip.get(weight, 1.0)) if weight else 1.0 for clip in having]
        if having:
            values = [clip[name] * own for clip, own in zip(having, weights, strict=True)]
            found[name] = ratio_interval(values, weights)
    return found


def describe(name: str, about: Mapping[str, str] = ABOUT) -> str:
    """What a metric measures, in words."""
    path, _, metric = name.partition("/")
    return f"{path}: {about[metric]}"


def _sound(path: Path, cfg: ConfigView) -> Sound:
    family, settings = cfg.family, cfg.release.evaluate
    parameters = SpectrogramParameters(family.sample_rate, family.n_fft, family.hop_samples, settings.n_mels)
    limits = settings.f0_method, settings.f0_min_hz, settings.f0_max_hz

    def track(samples: Samples, frames: int) -> NDArray[np.float32]:
        return track_pitch(samples, family.sample_rate, family.hop_samples, frames, *limits).f0_hz

    return sound_of(path, decode_flac(path.read_bytes()), parameters, track)


def sound_of(
    path: Path,
    wave: Waveform,
    parameters: SpectrogramParameters,
    track: Callable[[Samples, int], NDArray[np.float32]],
) -> Sound:
    """What every metric needs of a waveform.

    Args:
        path: What tells it from others.
        parameters: Of the mel spectrogram.
        track: Pitch, Hz, of samples in so many frames.
    """
    samples = _long_enough(wave.samples, parameters)
    mel = log_mel(torch.from_numpy(samples)[None], parameters)[0].numpy()
    return Sound(path, wave, mel, track(samples, mel.shape[1]))


def _long_enough(samples: Samples, parameters: SpectrogramParameters) -> Samples:
    missing = 2 * parameters.n_fft - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


def _seconds(sound: Sound) -> float:
    return len(sound.wave.samples) / sound.wave.sample_rate


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _counted(clips: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(_known(clip.get(name)) for clip in clips)


def evaluate_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Measure every rendering, and nothing beside."""
    return evaluate_renderings(inputs, cfg, work)
