"""What stages took on this machine, kept in the workspace for the estimate before the next run."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, RecordError
from artifacts.store import write_atomically


@with_config(EXACT)
class Measured(TypedDict):
    """What a stage took, the last time that it had enough to do."""

    each_s: float
    """Seconds for one step of a training, or for one second of speech; 0 for the stages of `ANY_AMOUNT`."""
    further_s: float
    """Seconds beside: loading, first validation, writing; all that a stage of `ANY_AMOUNT` takes."""
    memory_gb: float
    """At most in use by the process, on the GPU where it ran there."""


_SHAPE = TypeAdapter(dict[str, Measured])
ANY_PRESET = ""
ANY_AMOUNT = frozenset({"synthesize", "evaluate", "export", "report"})
"""Stages of a voice that is trained: so many clips and sentences, from however much speech it came."""


def read_throughput(workspace: Path) -> dict[str, Measured]:
    """What is known, by `key_of`; nothing where the record cannot be believed."""
    try:
        return records.read_file(_path(workspace), _SHAPE) or {}
    except RecordError:
        return {}


def write_throughput(workspace: Path, known: dict[str, Measured]) -> None:
    """Keep it."""
    write_atomically(_path(workspace), records.encode(known, indent=1))


def key_of(stage: str, preset: str, device: str) -> str:
    """What a measurement stands under: stages that train depend on the preset, all others do not."""
    return "|".join((stage, preset, device))


def _path(workspace: Path) -> Path:
    return workspace / "cache" / "throughput.json"
