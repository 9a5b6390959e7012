"""What three quarters of an hour of a CPU core make of a few minutes of speech: StyleTTS 2 without words.

    PYTHONPATH=. python bench/styletts2_training.py WORKSPACE FOLDER... [--set SETTING=VALUE ...]

Trains a voice from each folder of recordings with the preset `styletts2-tiny`, from scratch, and writes
`bench/results/styletts2_training.json`: the validation curves of both stages from before the first step on,
how long and how high held-out sentences are spoken beside their recordings, all measures of the rendered
samples, what a recogniser makes of them beside the recordings (WORKSPACE has fetched whisper-base), and the
CPU time of a step. A training that WORKSPACE already holds is not repeated, so its
time is missing. The report of each voice lies in WORKSPACE.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.measuring import voices
from bench.measuring.heard import heard
from bench.measuring.voices import curve, files_of, measures, read
from models.frontend.audio import decode_flac
from models.frontend.f0 import track_pitch
from tasks.pipeline import Pipeline

STAGES = ("train_styletts2_stage1", "train_styletts2_stage2")
CLIPS = "release.styletts2.clips=24"
F0_RANGE_HZ = (60.0, 600.0)


def describe(pipeline: Pipeline, step_s: dict[str, float | None]) -> dict[str, Any]:
    """Both stages, and what their voice is like."""
    return {
        **{name: curve(pipeline, name, step_s[name]) for name in STAGES},
        "held_out": held_out(pipeline),
        "measures": measures(pipeline),
        "heard": heard(pipeline),
    }


def held_out(pipeline: Pipeline) -> dict[str, Any]:
    """Length and pitch of sentences spoken from text alone, beside their recordings."""
    files = files_of(pipeline, "synthesize")
    listing = read(pipeline, "synthesize", "samples.json")
    by_kind = {kind: [entry for entry in listing if entry["kind"] == kind] for kind in ("recording", "text")}
    off = [
        100 * (spoken["duration_s"] / recorded["duration_s"] - 1)
        for recorded, spoken in zip(by_kind["recording"], by_kind["text"], strict=True)
    ]
    return {
        "clips": len(off),
        "duration_off_percent": off,
        "duration_off_percent_median_of_magnitudes": float(np.median(np.abs(off))),
        "total_duration_off_percent": 100
        * (
            sum(entry["duration_s"] for entry in by_kind["text"])
            / sum(entry["duration_s"] for entry in by_kind["recording"])
            - 1
        ),
        **{
            f"f0_hz_5_50_95_percentile_{kind}": pitch_range([files[entry["file"]] for entry in entries])
            for kind, entries in by_kind.items()
        },
    }


def pitch_range(paths: list[Path]) -> list[float]:
    """Percentiles of the voiced pitch over all files, Hz."""
    voiced = []
    for path in paths:
        samples, rate = decode_flac(path.read_bytes())
        hop = rate // 100
        track = track_pitch(samples, rate, hop, len(samples) // hop + 1, "dio", *F0_RANGE_HZ)
        voiced.append(track.f0_hz[track.f0_hz > 0])
    every = np.concatenate(voiced)
    return [float(value) for value in np.percentile(every, (5, 50, 95))] if every.size else []


if __name__ == "__main__":
    voices.main("styletts2_training", __doc__, "styletts2-tiny", describe, more=(CLIPS,))
