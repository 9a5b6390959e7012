"""What stage functions receive and return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import pyarrow as pa

from artifacts.manifest import Reject

__all__ = [
    "ConfigView",
    "Inputs",
    "Outcome",
    "Produced",
    "Progress",
    "Reject",
    "StoppedError",
    "Work",
    "reject",
]


def reject(row_id: str, code: str, field: str, value: Any, reason: str, remedy: str) -> Reject:
    """A refused row: which one, which measure, why, and what would help."""
    return Reject(row_id, code, field, str(value), reason, remedy)


@dataclass(frozen=True)
class Outcome:
    """What one row led to."""

    rows: Sequence[dict[str, Any]] = ()
    rejects: Sequence[Reject] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Produced:
    """What a corpus stage made."""

    rows: Sequence[dict[str, Any]] | pa.Table = ()
    rejects: Sequence[Reject] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    """What a person should read whenever the stage is passed, computed or cached."""


class StoppedError(Exception):
    """Someone asked to stop; everything finished so far is kept."""


class Progress(Protocol):
    """Called as work advances; `phase` names what comes before the stage's own work, which is then counted
    in a unit of its own."""

    def __call__(self, done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None: ...


@dataclass(frozen=True)
class Work:
    """A corpus stage's surroundings.

    Attributes:
        dir: private folder that survives a kill and is the same for the same key.
        progress: reports how far the work is.
        stop: whether someone asked to stop; a stage that can, saves its state and raises `StoppedError`.
        earlier: the stage's own files of the voice's last run, for one that declares `continues`.
    """

    dir: Path
    progress: Progress
    stop: Callable[[], bool]
    earlier: Mapping[str, Path] = field(default_factory=dict)

    def heed_stop(self) -> None:
        """Between two pieces of work that leave nothing to go on from.

        Raises:
            StoppedError: a stop was asked for; the stage begins anew with the next run.
        """
        if self.stop():
            raise StoppedError("stopped; this stage begins anew with the next run")


class Inputs(Protocol):
    """A corpus stage's view of what it declared to read."""

    def table(
        self, stage: str, columns: Sequence[str] | None = None, only: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of an upstream stage; `only` names the rows wanted, for corpora larger than memory."""
        ...

    def files(self, stage: str) -> dict[str, Path]:
        """Files of an upstream stage, by name."""
        ...

    def rejects(self, stage: str) -> Sequence[Reject]:
        """What an upstream stage refused (declared with `rejects_of`)."""
        ...

    def record(self, stage: str) -> dict[str, Any]:
        """Key, output digest, metrics and counts of an upstream stage (declared with `records_of`)."""
        ...


class ConfigView:
    """The declared part of the settings; reading anything else is a bug of the stage and says so."""

    def __init__(self, settings: Any, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        self._tree = SimpleNamespace()
        for path in self.paths:
            *parents, leaf = path.split(".")
            source, target = settings, self._tree
            for name in parents:
                source = getattr(source, name)
                if not hasattr(target, name):
                    setattr(target, name, SimpleNamespace())
                target = getattr(target, name)
            setattr(target, leaf, getattr(source, leaf))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not hasattr(self._tree, name):
            raise AttributeError(f"{name!r} is not among the declared settings {self.paths}")
        return getattr(self._tree, name)
