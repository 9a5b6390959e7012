"""What three quarters of an hour of a CPU core make of a few minutes of speech: a StyleTTS 2 voice.

    PYTHONPATH=. python bench/styletts2_training.py WORKSPACE FOLDER...

Trains a voice from each folder of recordings with the preset `styletts2-tiny`, from scratch, and writes
`bench/results/styletts2_training.json`: the validation curves of both stages from before the first step on,
how long and how high held-out sentences are spoken beside their recordings, all measures of the rendered
samples, and the CPU time of a step. A training that WORKSPACE already holds is not repeated, so its
time is missing. The report of each voice lies in WORKSPACE.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.real_training import Shown, cpu_seconds, machine, minutes, read, thinned
from models.frontend.audio import decode_flac
from models.frontend.f0 import track_pitch
from tasks.pipeline import Pipeline
from tasks.voice import Request, open_pipeline

RESULTS = Path(__file__).resolve().parent / "results" / "styletts2_training.json"
PRESET = "styletts2-tiny"
STAGES = ("train_styletts2_stage1", "train_styletts2_stage2")
RENDERED_CLIPS = 24
F0_RANGE_HZ = (60.0, 600.0)


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for folder in chosen.folders:
        trained = train(chosen.workspace.resolve(), folder.resolve())
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"voices": {}}
        found["machine"] = machine()
        found["voices"][folder.name] = trained
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def train(workspace: Path, folder: Path) -> dict[str, Any]:
    """One voice, from recordings to report."""
    request = Request(folder, folder.name, PRESET, overrides=(f"release.styletts2.clips={RENDERED_CLIPS}",))
    pipeline = open_pipeline(workspace, request)
    step_s: dict[str, float | None] = {}
    for name in pipeline.stages:
        before, shown = cpu_seconds(), Shown(name)
        pipeline.run_stage(name, on_progress=shown)
        step_s[name] = (cpu_seconds() - before) / shown.steps if shown.steps else None
    found = {
        "preset": PRESET,
        "usable_s": sum(pipeline.table("screen", ["duration_s"])["duration_s"].to_pylist()),
        **{name: stage(pipeline, name, step_s[name]) for name in STAGES},
        "held_out": held_out(pipeline),
        "measures": {
            n: m["mean"] for n, m in read(pipeline, "evaluate", "evaluation.json")["metrics"].items()
        },
    }
    pipeline.close()
    return found


def stage(pipeline: Pipeline, name: str, step_s: float | None) -> dict[str, Any]:
    """First, last and best of every validated loss, and the curve."""
    points = read(pipeline, name, "curves.json")["validation"]
    losses = [loss for loss in points[-1] if loss != "step"]
    return {
        "steps": points[-1]["step"],
        "cpu_min": minutes(points[-1]["step"], step_s),
        "losses": {
            loss: {
                "first": points[0][loss],
                "last": points[-1][loss],
                "best": min(point[loss] for point in points),
                "fall": 1 - points[-1][loss] / points[0][loss] if points[0][loss] else None,
            }
            for loss in losses
        },
        "curve": thinned(points),
    }


def held_out(pipeline: Pipeline) -> dict[str, Any]:
    """Length and pitch of sentences spoken from text alone, beside their recordings."""
    manifest = pipeline.known("synthesize")
    assert manifest is not None
    files = {name: pipeline.store.local_path(ref) for name, ref in manifest.files.items()}
    listing = json.loads(files["samples.json"].read_text())
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
    main()
