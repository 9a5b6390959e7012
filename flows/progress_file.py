"""How far a voice's run is, in a small file of its own: `runs/<voice>/progress.json`.

Whoever did not start the run can so tell how far it is, a server above all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.pipeline import StageResult
from tasks.run_record import run_path

WRITE_EVERY_S = 1.0
State = Literal["running", "finished", "failed", "stopped"]


@dataclass(frozen=True)
class RunProgress:
    """How far a run is; times are seconds since 1970.

    Attributes:
        stage: That is at work.
        stages_done, stages_total: Of the run.
        done, total: Of the stage, in its own unit; 0 of 0 where it does not tell.
        text: What the stage tells beside.
        began_s, stage_began_s: Of the run and of the stage.
        at_s: When this was written.
        state: Of the run.
    """

    stage: str
    stages_done: int
    stages_total: int
    done: int
    total: int
    text: str
    began_s: float
    stage_began_s: float
    at_s: float
    state: State = "running"


class ProgressFile:
    """Writes the file while stages run; one that cannot be written stops nobody.

    Args:
        workspace, voice: Whose.
        stages: Names of the stages that the run goes through.
    """

    def __init__(self, workspace: Path, voice: str, stages: Sequence[str]) -> None:
        self._path = progress_path(workspace, voice)
        now_s = time.time()
        self._now = RunProgress("", 0, len(stages), 0, 0, "", now_s, now_s, now_s)
        self._write()

    def started(self, stage: str) -> None:
        """A stage begins with its look-up."""
        self._now = replace(self._now, stage=stage, done=0, total=0, text="", stage_began_s=time.time())
        self._write(WRITE_EVERY_S)

    def advanced(self, stage: str, done: int, total: int, text: str) -> None:
        """It got further."""
        self._now = replace(self._now, stage=stage, done=done, total=total, text=text)
        self._write(WRITE_EVERY_S)

    def finished(self, result: StageResult) -> None:
        """It is done or was found done."""
        del result
        self._now = replace(self._now, stages_done=self._now.stages_done + 1)
        self._write(WRITE_EVERY_S)

    def end(self, state: State) -> None:
        """The run is over."""
        self._now = replace(self._now, state=state)
        self._write()

    def _write(self, every_s: float = 0.0) -> None:
        now_s = time.time()
        if now_s - self._now.at_s < every_s:
            return
        self._now = replace(self._now, at_s=now_s)
        # A full disk is told by the stage, whose work it is.
        with suppress(OSError, UserError):
            write_atomically(self._path, json.dumps(asdict(self._now)).encode())


def progress_path(workspace: Path, voice: str) -> Path:
    """Where the file lies."""
    return run_path(workspace, voice).with_name("progress.json")


def read_progress(workspace: Path, voice: str) -> RunProgress | None:
    """How far the voice's run is, or was at its end; None where nobody wrote it down."""
    try:
        return RunProgress(**json.loads(progress_path(workspace, voice).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
