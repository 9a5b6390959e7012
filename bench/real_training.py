"""What half an hour of one CPU core makes of a few minutes of real speech.

    PYTHONPATH=. python bench/real_training.py WORKSPACE FOLDER...

Trains a voice from each folder of recordings with the preset `small`, from scratch, and writes
`bench/results/real_training.json`: the validation curves (held-out clips, through the posterior's mean), the
losses of the text-to-semantic decoder and how much of its training clips it gives back, all measures of the
rendered samples, and the CPU time of both trainings. A training that WORKSPACE already holds is not repeated,
so its time is missing; give a new one to measure time. The report of each voice lies in WORKSPACE.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tasks.pipeline import Pipeline
from tasks.voice import Request, open_pipeline

RESULTS = Path(__file__).resolve().parent / "results" / "real_training.json"
PRESET = "small"
GOOD_CORRELATION = 0.8
MAX_POINTS = 60
MEASURES = ("mel", "f0_correlation", "voicing_error", "f0_frames")
SHOWN_EVERY_S = 30.0


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    chosen = parser.parse_args()
    for folder in chosen.folders:
        trained = train(chosen.workspace.resolve(), folder.resolve())
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"voices": {}}
        found["machine"] = machine()
        found["voices"][folder.name] = trained
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def train(workspace: Path, folder: Path) -> dict[str, Any]:
    """One voice, from recordings to report."""
    pipeline = open_pipeline(workspace, Request(folder, folder.name, PRESET))
    step_s: dict[str, float | None] = {}
    for name in pipeline.stages:
        before, shown = cpu_seconds(), Shown(name)
        pipeline.run_stage(name, on_progress=shown)
        step_s[name] = (cpu_seconds() - before) / shown.steps if shown.steps else None
    found = {
        "preset": PRESET,
        "usable_s": sum(pipeline.table("screen", ["duration_s"])["duration_s"].to_pylist()),
        "sovits": sovits(pipeline, step_s["train_sovits"]),
        "t2s": t2s(pipeline, step_s["train_t2s"]),
        "measures": {
            n: m["mean"] for n, m in read(pipeline, "evaluate", "evaluation.json")["metrics"].items()
        },
    }
    pipeline.close()
    return found


def sovits(pipeline: Pipeline, step_s: float | None) -> dict[str, Any]:
    """Key points of the validation curve, and the curve."""
    points = read(pipeline, "train_sovits", "curves.json")["validation"]
    steps = points[-1]["step"]
    first, last = points[0], points[-1]
    good = next((p["step"] for p in points if p["f0_correlation"] > GOOD_CORRELATION), None)
    return {
        "steps": steps,
        "cpu_min": minutes(steps, step_s),
        "mel_first": first["mel"],
        "mel_last": last["mel"],
        "mel_fall": 1 - last["mel"] / first["mel"],
        "f0_correlation_last": last["f0_correlation"],
        "f0_correlation_best": max(p["f0_correlation"] for p in points),
        "f0_correlation_above_0.8_from_step": good,
        "curve": [
            {"step": p["step"], "cpu_min": minutes(p["step"], step_s), **{n: p[n] for n in MEASURES}}
            for p in thinned(points)
        ],
    }


def t2s(pipeline: Pipeline, step_s: float | None) -> dict[str, Any]:
    """Training loss from start to end; what it gives back is among the voice's measures."""
    points = read(pipeline, "train_t2s", "curves.json")["train"]
    return {
        "steps": points[-1]["step"],
        "cpu_min": minutes(points[-1]["step"], step_s),
        "cross_entropy_first": points[0]["cross_entropy"],
        "cross_entropy_last": points[-1]["cross_entropy"],
        "curve": [{n: p[n] for n in ("step", "cross_entropy")} for p in thinned(points)],
    }


def minutes(steps: float, step_s: float | None) -> float | None:
    """CPU minutes of some steps at the mean rate; null where the training was found done."""
    return None if step_s is None else steps * step_s / 60


def thinned(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Evenly chosen points, the first and the last among them."""
    count = min(MAX_POINTS, len(points))
    places = {round(i * (len(points) - 1) / max(1, count - 1)) for i in range(count)}
    return [points[place] for place in sorted(places)]


def read(pipeline: Pipeline, stage: str, name: str) -> dict[str, Any]:
    """A JSON file that a stage made."""
    manifest = pipeline.known(stage)
    assert manifest is not None
    found: dict[str, Any] = json.loads(pipeline.store.local_path(manifest.files[name]).read_text())
    return found


class Shown:
    """Prints a stage's progress now and then, and counts what was done here: a resumed stage starts later."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.due = time.monotonic()
        self.first: int | None = None
        self.steps = 0

    def __call__(self, done: int, total: int, text: str = "", **metrics: float) -> None:
        """As stages report."""
        del metrics
        self.first = done - 1 if self.first is None else self.first
        self.steps = done - self.first
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + SHOWN_EVERY_S
            print(f"{self.stage} {done}/{total} {text}", file=sys.stderr, flush=True)


def cpu_seconds() -> float:
    """User and system time of this process and of the workers that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def machine() -> dict[str, Any]:
    """What the times depend on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads_used": 1,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    main()
