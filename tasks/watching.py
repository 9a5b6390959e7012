"""Who looks on while the stages of a run are at work, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tasks.results import StageResult


class Advance(NamedTuple):
    """How far a stage is.

    Attributes:
        done, total: In the stage's own unit; 0 of 0 where it does not tell. Within a phase, in the phase's.
        text: What it tells beside: losses.
        phase: What comes before the steps of a training; empty for the stage's own work.
    """

    done: int
    total: int
    text: str = ""
    phase: str = ""


class Watcher:
    """Looks on: a progress bar, the log, MLflow. What one does not care for it leaves out."""

    def foreseen(self, said: str, seconds: Mapping[str, float | None]) -> None:
        """Told before the first stage, or never.

        Args:
            said: what the run will take, in one line; empty where nothing of it trains.
            seconds: of each stage that must run; None where nobody knows.
        """

    def started(self, stage: str) -> None:
        """A stage begins with its look-up."""

    def advanced(self, stage: str, at: Advance) -> None:
        """A computing stage got further; called from the task's thread."""

    def finished(self, result: StageResult) -> None:
        """A stage is done or was found done."""
