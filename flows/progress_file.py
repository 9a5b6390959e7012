"""How far a voice's run is, in a small file of its own: `runs/<voice>/progress.json`.

Whoever did not start the run can so tell how far it is, a server above all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from artifacts.store import write_atomically
from configs.errors import UserError
from flows.under_way import UnderWay
from tasks.results import StageResult
from tasks.run_record import run_path
from tasks.watching import Advance, Watcher

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
        phase: What comes before the stage's own work; `done` and `total` are then of it.
        left_s: Of the run, when this was written; None where that cannot be told.
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
    phase: str = ""
    left_s: float | None = None


class ProgressFile(Watcher):
    """Writes the file while stages run; one that cannot be written stops nobody.

    Args:
        workspace, voice: Whose.
        stages: Names of the stages that the run goes through.
    """

    def __init__(self, workspace: Path, voice: str, stages: Sequence[str]) -> None:
        self._path = progress_path(workspace, voice)
        self._stages = tuple(stages)
        self._expected_s: Mapping[str, float | None] = {}
        self._under_way = UnderWay()
        now_s = time.time()
        self._now = RunProgress("", 0, len(stages), 0, 0, "", now_s, now_s, now_s)
        self._write()

    def foreseen(self, said: str, seconds: Mapping[str, float | None]) -> None:
        """What the stages will take."""
        del said
        self._expected_s = seconds

    def started(self, stage: str) -> None:
        """A stage begins with its look-up."""
        self._under_way.begin(stage, self._expected_s.get(stage))
        self._now = replace(self._now, stage=stage, stage_began_s=time.time(), **Advance(0, 0)._asdict())
        self._write()

    def advanced(self, stage: str, at: Advance) -> None:
        """It got further; another phase is written at once."""
        self._under_way.advance(at)
        is_other = at.phase != self._now.phase
        self._now = replace(self._now, stage=stage, **at._asdict())
        self._write(0.0 if is_other else WRITE_EVERY_S)

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
        self._now = replace(self._now, at_s=now_s, left_s=self._left_s())
        # A full disk is told by the stage, whose work it is.
        with suppress(OSError, UserError):
            write_atomically(self._path, json.dumps(asdict(self._now)).encode())

    def _left_s(self) -> float | None:
        """Of the stage, and of those after it that must run."""
        if self._now.stage not in self._stages or self._now.state != "running":
            return None
        later = self._stages[self._stages.index(self._now.stage) + 1 :]
        parts = [self._under_way.left_s(), *(self._expected_s[n] for n in later if n in self._expected_s)]
        known = [part for part in parts if part is not None]
        return round(sum(known), 1) if len(known) == len(parts) else None


def progress_path(workspace: Path, voice: str) -> Path:
    """Where the file lies."""
    return run_path(workspace, voice).with_name("progress.json")


def read_progress(workspace: Path, voice: str) -> RunProgress | None:
    """How far the voice's run is, or was at its end; None where nobody wrote it down."""
    try:
        return RunProgress(**json.loads(progress_path(workspace, voice).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
