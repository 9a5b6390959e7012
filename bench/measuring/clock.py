"""Seconds of works that take turns, so that a machine that slows down slows all of them."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, TypeVar

NameT = TypeVar("NameT", bound=Hashable)


class Seconds(NamedTuple):
    """Of each repeat, on the clock and of all threads; the latter also compare runs on a shared machine."""

    wall: list[float]
    cpu: list[float]

    def summary(self) -> dict[str, float]:
        """Medians, and the extremes of the clock."""
        return {
            "median_s": statistics.median(self.wall),
            "min_s": min(self.wall),
            "max_s": max(self.wall),
            "cpu_s_median": statistics.median(self.cpu),
        }


def taking_turns(
    works: Mapping[NameT, Callable[[], object]], repeats: int, wait: Callable[[], object] = int
) -> dict[NameT, Seconds]:
    """Time each work `repeats` times, one after the other in every round.

    Args:
        works: what to time, by name.
        repeats: rounds, each of which counts; warm up before.
        wait: returns once what a work left to a device is done.
    """
    times: dict[NameT, Seconds] = {name: Seconds([], []) for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            wait()
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            wait()
            times[name].wall.append(time.perf_counter() - wall)
            times[name].cpu.append(time.process_time() - cpu)
    return times


def medians(times: Mapping[NameT, list[float]]) -> dict[NameT, float]:
    """The median of each."""
    return {name: statistics.median(values) for name, values in times.items()}


def core_seconds() -> float:
    """User and system time of this process and of the children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
