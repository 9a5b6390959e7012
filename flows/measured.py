"""Keeps what stages took on this machine, for the estimate before the next run."""

from __future__ import annotations

import math
import resource
import sys
import time
from contextlib import suppress

from flows.pace import Pace
from tasks.advice.recordings import lengths_s
from tasks.advice.throughput import (
    ANY_AMOUNT,
    ANY_PRESET,
    Measured,
    key_of,
    read_throughput,
    write_throughput,
)
from tasks.pipeline import Pipeline
from tasks.results import StageResult
from tasks.watching import Advance, Watcher

LEAST_SPEECH_S = 20.0
"""On less speech a stage takes what it takes to begin."""
STEPS = "steps"
"""Metric that stages have that train."""


class Measurer(Watcher):
    """Watches a run."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._pace = Pace(window_s=math.inf)
        self._speech_s: float | None = None

    def started(self, stage: str) -> None:
        """A stage begins."""
        del stage
        self._pace = Pace(window_s=math.inf)

    def advanced(self, stage: str, at: Advance) -> None:
        """It got further; what comes before the steps is no step."""
        del stage
        if at.total and not at.phase:
            self._pace.advanced(at.done, time.monotonic())

    def finished(self, result: StageResult) -> None:
        """It is done; what it took is kept where it had enough to do."""
        if result.status == "cached":
            return None
        device, memory_gb = _used()
        if STEPS in result.metrics:
            each_s = self._pace.seconds_each()
            if each_s is None:
                return None
            further_s = max(0.0, result.seconds - self._pace.counted * each_s)
            key = key_of(result.name, self._pipeline.settings.preset, device)
            return self._keep(key, {"each_s": each_s, "further_s": further_s, "memory_gb": memory_gb})
        key = key_of(result.name, ANY_PRESET, device)
        if result.name in ANY_AMOUNT:
            return self._keep(key, {"each_s": 0.0, "further_s": result.seconds, "memory_gb": memory_gb})
        share = result.rows_computed / result.rows_total if result.rows_total else 1.0
        speech_s = share * self._seconds()
        if speech_s >= LEAST_SPEECH_S:
            each_s = result.seconds / speech_s
            self._keep(key, {"each_s": each_s, "further_s": 0.0, "memory_gb": memory_gb})
        return None

    def _keep(self, key: str, found: Measured) -> None:
        workspace = self._pipeline.workspace
        # The run is worth more than its estimate.
        with suppress(OSError):
            write_throughput(workspace, {**read_throughput(workspace), key: found})

    def _seconds(self) -> float:
        if self._speech_s is None:
            self._speech_s = sum(lengths_s(self._pipeline.scanned().rows).values())
        return self._speech_s


def _used() -> tuple[str, float]:
    """Where networks ran so far, and how much memory was in use there at most."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return "cuda", torch.cuda.max_memory_allocated() / 1e9
    return "cpu", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
