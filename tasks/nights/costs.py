"""What each stage of a run takes: seconds on the clock, and of the processors with all workers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tasks.nights.digest import Cost
from tasks.results import StageResult
from tasks.watching import Watcher

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Costs(Watcher):
    """Looks on while stages run.

    Attributes:
        results: Of the stages that are done or were found done.
    """

    def __init__(self) -> None:
        self.results: list[StageResult] = []
        self._costs: list[Cost] = []
        self._began_s = self._stage_began_s = time.monotonic()
        self._began_cpu_s = self._stage_began_cpu_s = cpu_seconds()
        self.at = ""
        """The stage that runs."""

    def started(self, stage: str) -> None:
        """A stage begins."""
        self.at = stage
        self._stage_began_s, self._stage_began_cpu_s = time.monotonic(), cpu_seconds()

    def finished(self, result: StageResult) -> None:
        """It is done."""
        self.at = ""
        self.results.append(result)
        if result.status == "cached":
            return
        self._costs.append(
            {
                "stage": result.name,
                "rows": result.rows_computed,
                "rows_total": result.rows_total,
                "seconds": round(time.monotonic() - self._stage_began_s, 2),
                "cpu_seconds": round(cpu_seconds() - self._stage_began_cpu_s, 2),
                "reason": result.reason,
            }
        )

    @property
    def by_stage(self) -> list[Cost]:
        """Of the stages that computed."""
        return list(self._costs)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self._began_s, 2)

    @property
    def processor_seconds(self) -> float:
        """The same, of the processors."""
        return round(cpu_seconds() - self._began_cpu_s, 2)


def cpu_seconds() -> float:
    """Of this process, of children that ended and of those that run."""
    own = sum(os.times()[:4])
    return own + sum(_cpu_seconds_of(pid) for pid in _descendants(os.getpid()))


def _descendants(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (thread / "children").read_text()
        except OSError:
            # The thread has ended, or this kernel does not tell.
            continue
        for child in map(int, children.split()):
            yield child
            yield from _descendants(child)


def _cpu_seconds_of(pid: int) -> float:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, after_name[11:15])) / _TICKS_PER_S
