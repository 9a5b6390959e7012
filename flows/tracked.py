"""What MLflow's last record of a voice names, so that nothing is recorded twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, RecordError
from artifacts.store import write_atomically
from tasks.run_record import run_path


@with_config(EXACT)
class _Tracked(TypedDict):
    """A voice's last run in MLflow: its identifier there, and the digest of each stage's output."""

    run_id: str
    outputs: dict[str, str]


_TRACKED = TypeAdapter(_Tracked)


def tracked_outputs(workspace: Path, voice: str) -> dict[str, str]:
    """Stage -> digest of the output that is recorded; nothing where that cannot be told: it is done anew."""
    try:
        found = records.read_file(_path(workspace, voice), _TRACKED)
    except RecordError:
        return {}
    return found["outputs"] if found is not None else {}


def write_tracked(workspace: Path, voice: str, run_id: str, outputs: Mapping[str, str]) -> None:
    """Note what was recorded, under which run."""
    record = {"run_id": run_id, "outputs": dict(outputs)}
    write_atomically(_path(workspace, voice), records.encode(record, indent=1))


def _path(workspace: Path, voice: str) -> Path:
    return run_path(workspace, voice).with_name("tracked.json")
