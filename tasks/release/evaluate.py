"""The stage `evaluate`: how far renderings are from recordings, by path.

Every name starts with the path it measures (see `synthesize`). `posterior` and `codes` run in step with
the recording and are compared frame by frame; `text` has a timing of its own and is compared along a
warping path, which is kinder: compare those numbers only with each other. `t2s` is no rendering: it says
how much of its training clips the decoder gives back.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from artifacts import schemas
from models.frontend.activity import analyse_activity
from models.frontend.audio import Samples, Waveform, decode_flac
from models.frontend.f0 import track_pitch
from models.frontend.mel import SpectrogramParameters, log_mel
from models.metrics.duration import duration_error_percent
from models.metrics.pitch import pitch_error
from models.metrics.spectral import mel_distance_db, warped_mel_distance_db
from models.metrics.warping import warping_path
from models.speaker.encoder import embed_speaker
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.networks import load_decoder, read_json
from tasks.release.assembly import codes_by_clip
from tasks.release.recall import recalled_codes
from tasks.release.synthesize import KINDS, Kind
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

ABOUT = {
    "mel_distance_db": "log-mel distance to the recording, frame by frame, dB",
    "warped_mel_distance_db": "log-mel distance to the recording along a warping path, dB",
    "f0_rmse_cents": "pitch error where both are voiced, frame by frame, cents",
    "warped_f0_rmse_cents": "pitch error where both are voiced along the warping path, cents",
    "f0_correlation": "correlation of log pitch where both are voiced, -1 to 1",
    "voicing_error": "share of frames with the wrong voicing, 0-1",
    "f0_frames": "frames that both voice, on which pitch error and correlation rest",
    "duration_error_percent": "absolute difference of the durations, percent of the recording",
    "speaker_similarity": "cosine of speaker embeddings, to the speaker's centroid",
    "recalled_codes": "share of a training clip's codes given back in place by greedy decoding from its "
    "text, 0-1: memorising, not quality",
    "recalled_codes_edit": "1 - edit distance / length of the same decoding, 0-1: memorising, not quality",
}


class Sound(NamedTuple):
    """One sample with what every metric needs of it."""

    wave: Waveform
    mel: NDArray[np.float32]
    f0_hz: NDArray[np.float32]


def evaluate_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Measure every rendering; `evaluation.json` holds means with meanings, and each clip's values."""
    files = inputs.files("synthesize")
    listing = json.loads(files["samples.json"].read_text(encoding="utf-8"))
    profiles = inputs.table("speaker_profile", ["speaker", "centroid"]).to_pylist()
    centroids = {p["speaker"]: np.asarray(p["centroid"], dtype=np.float32) for p in profiles}
    by_clip: dict[str, dict[Kind, dict[str, Any]]] = defaultdict(dict)
    for entry in listing:
        by_clip[entry["utterance_id"]][entry["kind"]] = entry
    clips = []
    for number, (name, entries) in enumerate(by_clip.items()):
        sounds = {kind: _sound(files[entries[kind]["file"]], cfg) for kind in KINDS}
        centroid = centroids.get(entries["recording"]["speaker"])
        values = measure(sounds) | speaker_similarities(sounds, centroid, cfg)
        clips.append({"utterance_id": name, **values})
        work.progress(number + 1, len(by_clip), name)
    clips += _recalled(inputs, cfg)
    metrics = means(clips)
    path = work.dir / "evaluation.json"
    evaluation = {
        "metrics": {
            name: {"mean": value, "about": describe(name), "clips": _counted(clips, name)}
            for name, value in metrics.items()
        },
        "clips": [{n: v for n, v in clip.items() if _known(v)} for clip in clips],
    }
    path.write_text(json.dumps(evaluation, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return Produced(files={path.name: path}, metrics=metrics)


def measure(sounds: Mapping[Kind, Sound]) -> dict[str, float]:
    """Distances of one clip's renderings to its recording; NaN where nothing could be compared."""
    recording = sounds["recording"]
    values: dict[str, float] = {}
    for kind in ("posterior", "codes"):
        sound = sounds[kind]  # type: ignore[index]
        pitch = pitch_error(recording.f0_hz, sound.f0_hz)
        values |= {
            f"{kind}/mel_distance_db": mel_distance_db(recording.mel, sound.mel),
            f"{kind}/f0_rmse_cents": pitch.rmse_cents,
            f"{kind}/f0_correlation": pitch.correlation,
            f"{kind}/voicing_error": pitch.voicing_error,
            f"{kind}/f0_frames": float(pitch.voiced_frames),
        }
    text = sounds["text"]
    path = warping_path(recording.mel, text.mel)
    pitch = pitch_error(recording.f0_hz[path[:, 0]], text.f0_hz[path[:, 1]])
    values |= {
        "text/warped_mel_distance_db": warped_mel_distance_db(recording.mel, text.mel, path),
        "text/warped_f0_rmse_cents": pitch.rmse_cents,
        "text/duration_error_percent": abs(duration_error_percent(_seconds(recording), _seconds(text))),
    }
    return values


def speaker_similarities(
    sounds: Mapping[Kind, Sound], centroid: NDArray[np.float32] | None, cfg: ConfigView
) -> dict[str, float]:
    """Cosine of each rendering, and of the recording as the yardstick, to the speaker's centroid."""
    if centroid is None:
        return {}
    speaker = cfg.features.speaker
    values = {}
    for kind, sound in sounds.items():
        samples, rate = sound.wave
        embedding = embed_speaker(
            samples,
            rate,
            analyse_activity(samples, rate),
            speaker.backend,
            speaker.model,
            speaker.download,
        )
        values[f"{kind}/speaker_similarity"] = float(np.dot(embedding, centroid))
    return values


def _recalled(inputs: Inputs, cfg: ConfigView) -> list[dict[str, Any]]:
    files = inputs.files("train_t2s")
    decoder = load_decoder(files["decoder.safetensors"], read_json(files["config.json"])["sizes"])
    codes = {name: np.asarray(own, np.int64) for name, own in codes_by_clip(inputs).items()}
    return list(
        recalled_codes(
            decoder,
            inputs.files("shard"),
            codes,
            spectrogram_parameters(cfg.family),
            clips=cfg.release.evaluate.recalled_clips,
            refused={reject.row_id for reject in inputs.rejects("train_t2s")},
        )
    )


def means(clips: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean of every metric over the clips that have it."""
    names = dict.fromkeys(name for clip in clips for name in clip if "/" in name)
    found = {name: [clip[name] for clip in clips if _known(clip.get(name))] for name in names}
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def describe(name: str) -> str:
    """What a metric measures, in words."""
    path, _, metric = name.partition("/")
    return f"{path}: {ABOUT[metric]}"


def _sound(path: Path, cfg: ConfigView) -> Sound:
    wave = decode_flac(path.read_bytes())
    family, settings = cfg.family, cfg.release.evaluate
    parameters = SpectrogramParameters(family.sample_rate, family.n_fft, family.hop_samples, settings.n_mels)
    samples = _long_enough(wave.samples, parameters)
    mel = log_mel(torch.from_numpy(samples)[None], parameters)[0].numpy()
    pitch = track_pitch(
        samples,
        family.sample_rate,
        family.hop_samples,
        mel.shape[1],
        settings.f0_method,
        settings.f0_min_hz,
        settings.f0_max_hz,
    )
    return Sound(wave, mel, pitch.f0_hz)


def _long_enough(samples: Samples, parameters: SpectrogramParameters) -> Samples:
    missing = 2 * parameters.n_fft - len(samples)
    return np.pad(samples, (0, missing)) if missing > 0 else samples


def _seconds(sound: Sound) -> float:
    return len(sound.wave.samples) / sound.wave.sample_rate


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _counted(clips: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(_known(clip.get(name)) for clip in clips)


EVALUATE = CorpusStage(
    name="evaluate",
    version=1,
    run=evaluate_corpus,
    reads={
        "synthesize": ("*",),
        "speaker_profile": ("speaker", "centroid"),
        "shard": ("*.parquet",),
        "semantic": ("utterance_id", "codes"),
        "train_t2s": ("decoder.safetensors", "config.json"),
    },
    rejects_of=("train_t2s",),
    config=(
        "release.evaluate",
        "family",
        "features.speaker.backend",
        "features.speaker.model",
        "features.speaker.download",
    ),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "pyworld", "resemblyzer", "speechbrain"),
    about="distances of renderings to recordings, and what the decoder remembers",
)
