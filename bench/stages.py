"""What every stage costs, in core-seconds per second of audio, and what a second worker brings.

Runs the whole pipeline over a corpus in a fresh workspace (tiny preset), then the row feature stages again
with one and with two workers, alternating, and reports medians.
Usage: `PYTHONPATH=. python bench/stages.py [FOLDER]`; without one the embedded sample recordings are used.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measuring import results
from bench.measuring.clock import core_seconds, taking_turns
from tasks.corpus.sample import write_sample
from tasks.pipeline import Pipeline
from tasks.voice import Request, open_pipeline

SCALED = ("pitch", "spectrogram", "content", "speaker")
ROUNDS = 3


def main() -> None:
    """Measure, print, write `bench/results/stages.json`."""
    with tempfile.TemporaryDirectory() as scratch:
        if len(sys.argv) > 1:
            recordings = Path(sys.argv[1]).resolve()
        else:
            recordings = Path(scratch) / "recordings"
            for _ in write_sample(recordings):
                pass
        costs, audio_s = stage_costs(recordings, Path(scratch) / "whole")
        scaling = worker_scaling(recordings, Path(scratch) / "scaling")
    table = Table("stage", "wall s", "core-s", "core-s per audio-s", title=f"{audio_s:.0f} s of audio")
    for name, cost in costs.items():
        table.add_row(
            name, f"{cost['wall_s']:.2f}", f"{cost['core_s']:.2f}", f"{cost['core_s'] / audio_s:.4f}"
        )
    console = Console()
    console.print(table)
    console.print(f"two workers against one over {', '.join(SCALED)}: {scaling['ratio']:.2f}x")
    results.write("stages", {"audio_s": audio_s, "stages": costs, "scaling": scaling})


def stage_costs(recordings: Path, workspace: Path) -> tuple[dict[str, dict[str, float]], float]:
    """Wall and CPU seconds of each stage, one worker, and the seconds of accepted audio."""
    pipeline = _open(recordings, workspace, 1)
    costs = {}
    for name in pipeline.stages:
        wall, core = time.perf_counter(), core_seconds()
        pipeline.run_stage(name)
        costs[name] = {"wall_s": time.perf_counter() - wall, "core_s": core_seconds() - core}
    audio_s = sum(pipeline.table("screen", ["duration_s"])["duration_s"].to_pylist())
    pipeline.close()
    return costs, audio_s


def worker_scaling(recordings: Path, workspace: Path) -> dict[str, object]:
    """Seconds of the feature stages with one and two workers; worker start-up is left out."""
    pipelines = {count: _open(recordings, workspace, count) for count in (1, 2)}
    for pipeline in pipelines.values():
        for name in pipeline.stages:
            pipeline.run_stage(name)
            if name == "shard":
                break
        for name in SCALED:
            pipeline.run_stage(name, force=True)

    def again(pipeline: Pipeline) -> None:
        for name in SCALED:
            pipeline.run_stage(name, force=True)

    turns = taking_turns({count: partial(again, pipeline) for count, pipeline in pipelines.items()}, ROUNDS)
    for pipeline in pipelines.values():
        pipeline.close()
    one, two = (turns[count].summary()["median_s"] for count in (1, 2))
    return {
        "one_worker_s": one,
        "two_workers_s": two,
        "ratio": one / two,
        "rounds": ROUNDS,
    }


def _open(recordings: Path, workspace: Path, workers: int) -> Pipeline:
    overrides = (f"compute.workers={workers}", "tracking.enabled=false")
    return open_pipeline(workspace, Request(recordings, f"bench{workers}", "tiny", None, overrides))


if __name__ == "__main__":
    main()
