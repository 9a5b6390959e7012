"""Whole trainings of real voices: progress on the screen, CPU time of a step, curves of what was learned."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.measuring.clock import core_seconds
from bench.measuring.results import FOLDER
from tasks.pipeline import Pipeline
from tasks.voice import Request, open_pipeline

MAX_POINTS = 60
SHOWN_EVERY_S = 30.0

Describe = Callable[[Pipeline, dict[str, float | None]], dict[str, Any]]
"""A finished pipeline and CPU seconds of a step by stage (null: found done) -> what to write of the voice."""


def main(name: str, doc: str, preset: str, describe: Describe, *, more: Sequence[str] = ()) -> None:
    """Train a voice from each folder that the command names and add it to `bench/results/NAME.json`.

    Args:
        name: of the results' file.
        doc: the script's docstring, whose first line is the help.
        preset: of all voices.
        describe: what to write of a voice.
        more: settings of all voices, `path=value`.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", dest="overrides")
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = FOLDER / f"{name}.json"
    for folder in given.folders:
        overrides = (*more, *given.overrides)
        request = Request(folder.resolve(), folder.resolve().name, preset, overrides=overrides)
        pipeline = open_pipeline(given.workspace.resolve(), request)
        step_s = _run(pipeline)
        trained = {
            "preset": preset,
            "overrides": given.overrides,
            "usable_s": sum(pipeline.table("screen", ["duration_s"])["duration_s"].to_pylist()),
            **describe(pipeline, step_s),
        }
        pipeline.close()
        found = json.loads(results.read_text()) if results.exists() else {"voices": {}}
        found["machine"] = machine()
        found["voices"][folder.name] = trained
        results.write_text(json.dumps(found, indent=1) + "\n")


def _run(pipeline: Pipeline) -> dict[str, float | None]:
    step_s: dict[str, float | None] = {}
    for name in pipeline.stages:
        before, shown = core_seconds(), _Shown(name)
        pipeline.run_stage(name, on_progress=shown)
        step_s[name] = (core_seconds() - before) / shown.steps if shown.steps else None
    return step_s


class _Shown:
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


def minutes(steps: float, step_s: float | None) -> float | None:
    """CPU minutes of some steps at the mean rate; null where the training was found done."""
    return None if step_s is None else steps * step_s / 60


def thinned(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Evenly chosen points, the first and the last among them."""
    count = min(MAX_POINTS, len(points))
    places = {round(i * (len(points) - 1) / max(1, count - 1)) for i in range(count)}
    return [points[place] for place in sorted(places)]


def curve(pipeline: Pipeline, stage: str, step_s: float | None) -> dict[str, Any]:
    """A training's validated losses from before the first step on: their falls, and the curve."""
    points = read(pipeline, stage, "curves.json")["validation"]
    return {
        "steps": points[-1]["step"],
        "cpu_min": minutes(points[-1]["step"], step_s),
        "losses": {loss: _fall([p[loss] for p in points]) for loss in points[-1] if loss != "step"},
        "curve": thinned(points),
    }


def _fall(values: list[float]) -> dict[str, float | None]:
    first, last = values[0], values[-1]
    return {"first": first, "last": last, "best": min(values), "fall": 1 - last / first if first else None}


def files_of(pipeline: Pipeline, stage: str) -> dict[str, Path]:
    """What a stage wrote, by name."""
    manifest = pipeline.known(stage)
    assert manifest is not None
    return {name: pipeline.store.local_path(ref) for name, ref in manifest.files.items()}


def read(pipeline: Pipeline, stage: str, name: str) -> dict[str, Any]:
    """A JSON file that a stage made."""
    found: dict[str, Any] = json.loads(files_of(pipeline, stage)[name].read_text())
    return found


def measures(pipeline: Pipeline) -> dict[str, float]:
    """Means over the rendered samples."""
    return {name: m["mean"] for name, m in read(pipeline, "evaluate", "evaluation.json")["metrics"].items()}


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
