"""Runs cases one by one in a process that may be killed, and says how each of them ended.

A case may be refused with one message (`UserError`) or taken; everything else is a fault of ours: another
exception, more time or memory than the limit, the end of the process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import UserError

MEMORY_BYTES = 2 << 30
FINE = ("taken", "refused")
# Importing what is tested takes longer than any case may.
START_WAIT_S = 600.0
# For one that waits and computes nothing; on a busy machine the others have to wait as well.
WAIT_S = 600.0


class Verdict(NamedTuple):
    """How one case ended."""

    case: Any
    outcome: str
    """`taken`, `refused`, or a fault: `traceback`, `hang`, `memory`, `died`."""
    detail: str
    """What the target returned, the message of the refusal, or the fault's traceback."""
    seconds: float
    """Of computing."""
    peak_bytes: int
    """The process's peak so far."""


def judge(
    target: Callable[[Any], Any],
    cases: Iterable[Any],
    limit_s: float,
    memory_bytes: int = MEMORY_BYTES,
    prepare: Callable[[], object] | None = None,
) -> Iterator[Verdict]:
    """The verdict of each case, in order.

    Args:
        target: a function of a module (it is called in another process); a case that it takes is described
            by what it returns.
        cases: what it is called with, one by one; must be picklable.
        limit_s: seconds of computing for one case; a longer one is a hang.
        memory_bytes: peak memory of the process that is allowed, libraries included.
        prepare: a function of a module that loads what the first case would wait for.
    """
    child: _Child | None = None
    try:
        for case in cases:
            child = child or _Child(target, prepare)
            verdict = child.run(case, limit_s)
            if verdict.outcome in FINE and verdict.peak_bytes > memory_bytes:
                verdict = verdict._replace(outcome="memory")
            if verdict.outcome in ("hang", "died", "memory"):
                child.end()
                child = None
            yield verdict
    finally:
        if child is not None:
            child.end()


def report(verdicts: Iterable[Verdict]) -> int:
    """Print faults as they come and the figures at the end; how many faults there were."""
    outcomes: Counter[str] = Counter()
    slowest, peak = 0.0, 0
    for verdict in verdicts:
        outcomes[verdict.outcome] += 1
        slowest, peak = max(slowest, verdict.seconds), max(peak, verdict.peak_bytes)
        if verdict.outcome not in FINE:
            print(f"{verdict.outcome}: {verdict.case!r:.300}\n{verdict.detail}", flush=True)
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{sum(outcomes.values())} cases: {said}; slowest {slowest:.2f} s; peak {peak / 1e6:.0f} MB")
    return sum(count for outcome, count in outcomes.items() if outcome not in FINE)


def arguments(count: int, about: str | None) -> argparse.Namespace:
    """`--count` and `--seed` of a program that is run by hand."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=count, help="number of cases")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first case")
    return parser.parse_args()


def _peak_bytes() -> int:
    """Of this process. What `getrusage` tells begins with the peak of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


class _Child:
    """A process that is asked case after case."""

    def __init__(self, target: Callable[[Any], Any], prepare: Callable[[], object] | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._end, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(target, prepare, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._end.poll(START_WAIT_S):
            self.end()
            raise RuntimeError("the process of the cases did not start")
        self._end.recv()

    def run(self, case: Any, limit_s: float) -> Verdict:
        begun_s, computed_s = time.monotonic(), self._computed_s()
        self._end.send(case)
        while not self._end.poll(min(limit_s, 0.5)):
            seconds, waited_s = self._computed_s() - computed_s, time.monotonic() - begun_s
            if seconds > limit_s or waited_s > WAIT_S:
                return Verdict(case, "hang", f"no answer in {waited_s:.1f} s", seconds, 0)
        try:
            outcome, detail, peak_bytes = self._end.recv()
        except EOFError:
            self._process.join()
            status = self._process.exitcode
            return Verdict(case, "died", f"exit status {status}", time.monotonic() - begun_s, 0)
        seconds = max(0.0, self._computed_s() - computed_s)
        outcome = "hang" if seconds > limit_s and outcome in FINE else outcome
        return Verdict(case, outcome, detail, seconds, peak_bytes)

    def _computed_s(self) -> float:
        """Seconds that the process and those it started have computed; other work does not count."""
        own = str(self._process.pid)
        try:
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            ticks = sum(_ticks(process) for process in (own, *children))
        except OSError:  # one of them has just ended
            return 0.0
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._end.close()


def _ticks(process: str) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _serve(target: Callable[[Any], Any], prepare: Callable[[], object] | None, end: Connection) -> None:
    if prepare is not None:
        prepare()
    end.send("ready")
    while True:
        try:
            case = end.recv()
        except EOFError:
            sys.exit(0)
        try:
            outcome, detail = "taken", str(target(case))
        except UserError as error:
            outcome, detail = "refused", str(error)
        except Exception:  # noqa: BLE001 - whatever else comes is the fault that is looked for
            outcome, detail = "traceback", traceback.format_exc()
        end.send((outcome, detail, _peak_bytes()))
