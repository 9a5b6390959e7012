"""How much a night is going to write, by what the voice's last run left, and whether there is room for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from artifacts import manifest as manifests
from artifacts import space
from artifacts.manifest import Manifest
from artifacts.store import Store
from tasks.pipeline import Pipeline
from tasks.run_record import known_run
from tasks.stage import SCAN, RowStage

LEAST_BYTES = 200_000_000
"""Of a voice that is made anew, however small its last run was: checkpoints, logs, databases."""
_TWICE = 2
"""Files of trainings and renderings are written among the scratch files first, and training keeps as much in
checkpoints."""


def needed_bytes(pipeline: Pipeline) -> int:
    """An estimate of what making the voice anew writes; 0 where nothing is to be done.

    Trainings, renderings and pages are made whole again, as large as the last ones; of recordings only those
    are taken in that are new, each as large as the others became on average.
    """
    undone = [name for name in pipeline.stages if not pipeline.is_done(name)]
    if not undone:
        return 0
    last = _last_run(pipeline)
    whole = sum(_size_bytes(last[name]) for name in undone if name in last and not _is_by_row(pipeline, name))
    by_row = sum(_size_bytes(made) for name, made in last.items() if _is_by_row(pipeline, name))
    new, known = _recordings(pipeline, last)
    return max(LEAST_BYTES, _TWICE * whole + by_row * new // max(1, known))


def require_room(workspace: Path, store: Store, needed: int) -> None:
    """Refuse a night that does not fit, before anything is begun.

    Raises:
        MachineError: there is too little space, or nothing can be written.
    """
    places = [workspace] + ([Path(store.root)] if store.is_local else [])
    for place in places:
        space.require(place, needed, "nightly")


def _recordings(pipeline: Pipeline, last: Mapping[str, Manifest]) -> tuple[int, int]:
    """How many the last run did not know, and how many it did."""
    readers = [name for name, stage in pipeline.stages.items() if SCAN in stage.reads and name in last]
    known = {row.row_id for name in readers for row in last[name].rows}
    return sum(row["recording_id"] not in known for row in pipeline.scanned().rows), len(known)


def _is_by_row(pipeline: Pipeline, stage: str) -> bool:
    return isinstance(pipeline.stages[stage], RowStage)


def _last_run(pipeline: Pipeline) -> dict[str, Manifest]:
    entries = known_run(pipeline.workspace, pipeline.voice)["stages"]
    found = {
        name: manifests.load(pipeline.store, name, entry["key"])
        for name, entry in entries.items()
        if name in pipeline.stages
    }
    return {name: made for name, made in found.items() if made is not None}


def _size_bytes(made: Manifest) -> int:
    return sum(ref.size_bytes for ref in set(made.blobs()))
