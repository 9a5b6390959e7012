"""A finished voice that many tests begin with, made once for all processes of a test run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tasks.voice import Request
from tests.pipeline.storm import SETTINGS, write_recordings

ROOT = Path(__file__).resolve().parents[2]
CLIPS = 5
# Rows are computed in the process that is killed, so that a place is reached in every run alike.
HERE = (*SETTINGS, "compute.workers=1")

Attempt = tuple[bool, list[tuple[str, str]]]


class Finished(NamedTuple):
    """A voice whose making nobody disturbed. Its folders are read by other tests too: copy what is to change.

    Attributes:
        events: What its making came to, in order: `(stage, kind)`, see `tests.pipeline.attempts.Place`.
    """

    recordings: Path
    workspace: Path
    events: list[tuple[str, str]]

    def copied(self, folder: Path) -> Request:
        """Copy both into a folder, as `recordings` and `workspace`; the request that made the voice."""
        shutil.copytree(self.recordings, folder / "recordings")
        shutil.copytree(self.workspace, folder / "workspace")
        return Request(folder / "recordings", "v", "tiny", None, HERE)


def finished_voice(folder: Path) -> Finished:
    """What is in the folder; made there first, by whichever process comes first, while the others wait."""
    folder.mkdir(exist_ok=True)
    told = folder / "events.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            recordings = write_recordings(folder / "recordings", CLIPS)
            (folder / "home").mkdir(exist_ok=True)
            environment = os.environ | {"HOME": str(folder / "home")}
            [(_, events)] = attempts(recordings, folder / "workspace", environment, [None])
            told.write_text(json.dumps(events))
    events = [(stage, kind) for stage, kind in json.loads(told.read_text())]
    return Finished(folder / "recordings", folder / "workspace", events)


def attempts(
    recordings: Path, workspace: Path, environment: dict[str, str], places: Sequence[Any]
) -> list[Attempt]:
    """Runs one after the other, each killed at its place; None is not killed."""
    asked = {
        "recordings": str(recordings),
        "settings": HERE,
        "workspace": str(workspace),
        "places": places,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.attempts"],
        input=json.dumps(asked),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [(killed, [(stage, kind) for stage, kind in events]) for killed, events in json.loads(done.stdout)]
