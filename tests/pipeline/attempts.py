"""Runs of a pipeline that are killed at exactly the places that are named; the imports are made once for all.

As a program it reads one JSON object from its input and prints one `[killed, events]` per attempt, in JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tasks.stages  # noqa: F401 - loaded here, once, so that no attempt does it
from tasks.voice import Request, open_pipeline


class Place(NamedTuple):
    """Where a run is killed: at the nth event (from 1) of a kind in a stage."""

    stage: str
    kind: str
    """`progress`: told that it got further; `written`: a file lies under its temporary name; `renamed`: it
    has just got its own."""
    nth: int


def attempt(request: Request, workspace: Path, place: Place | None) -> tuple[bool, list[tuple[str, str]]]:
    """Run all stages in a process of its own.

    Returns:
        Whether it was killed, and the events `(stage, kind)` that it came to.
    """
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        # Workers belong to the group that is killed.
        os.setpgid(0, 0)
        status = 1
        try:
            _run(request, workspace, place, told)
            status = 0
        finally:
            # Nothing that the parent opened may be ended by the child.
            if status:
                traceback.print_exc()
            os._exit(status)
    os.close(told)
    with os.fdopen(heard) as lines:
        events = [(stage, kind) for stage, kind in (line.split() for line in lines)]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"an attempt ended with status {status}"
    return status != 0, events


def _run(request: Request, workspace: Path, place: Place | None, told: int) -> None:
    stage, seen = "", 0

    def happened(kind: str) -> None:
        nonlocal seen
        os.write(told, f"{stage} {kind}\n".encode())
        if place is not None and (stage, kind) == place[:2]:
            seen += 1
            if seen == place.nth:
                os.killpg(0, signal.SIGKILL)

    _watch_renames(happened)
    pipeline = open_pipeline(workspace, request)
    for stage in pipeline.stages:
        pipeline.run_stage(stage, on_progress=lambda *_, **__: happened("progress"))
    pipeline.close()


def _watch_renames(happened: Callable[[str], None]) -> None:
    rename = Path.replace

    def replace(self: Path, target: Any) -> Path:
        happened("written")
        moved = rename(self, target)
        happened("renamed")
        return moved

    Path.replace = replace  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    wanted = Request(Path(asked["recordings"]), "v", "tiny", None, tuple(asked["settings"]))
    places = [Place(*place) if place else None for place in asked["places"]]
    print(json.dumps([attempt(wanted, Path(asked["workspace"]), place) for place in places]))
