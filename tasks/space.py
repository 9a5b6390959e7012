"""How much a stage is going to write, and whether there is room for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from artifacts import space
from artifacts.manifest import Manifest, RowRef
from artifacts.store import Store
from tasks.stage import RowStage, Stage, view

# Recordings become FLAC of one channel at 48 kHz at most; two channels of floats at 192 kHz shrink the most.
INGESTED = 0.05
# How much of these is sound is not known before they are read.
_WITH_PICTURES = frozenset({".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
# A result like earlier ones may be this much smaller.
LIKE_EARLIER = 0.5


def require_space(
    stage: Stage,
    inputs: Mapping[str, Manifest],
    settings: Any,
    store: Store,
    scratch: Path,
    missing: int = 1,
    total: int = 1,
    earlier: Iterable[RowRef] = (),
) -> None:
    """Refuse a stage whose result does not fit, before it begins.

    Args:
        missing, total: rows that will be computed, of all that the stage sees.
        earlier: rows that the stage made before with these settings.

    Raises:
        MachineError: there is too little space in the store or among the scratch files.
    """
    growth = stage.writes(view(stage, settings)) if stage.writes is not None else {}
    declared = sum(factor * _size_bytes(inputs[name]) for name, factor in growth.items())
    known = list(earlier)
    like_earlier = LIKE_EARLIER * _shards_bytes(known) / len(known) * missing if known else 0.0
    needed = max(declared * missing / max(1, total), like_earlier)
    if not needed:
        return
    if store.is_local:
        space.require(Path(store.root), needed, stage.name)
    if not isinstance(stage, RowStage):
        # Made as files first, and then stored.
        twice = store.is_local and _same_file_system(Path(store.root), scratch)
        space.require(scratch, 2 * needed if twice else needed, stage.name)


def require_space_for_recordings(stage: Stage, rows: Iterable[Mapping[str, Any]], store: Store) -> None:
    """The same for the stage that reads the recordings themselves.

    Raises:
        MachineError: there is too little space in the store.
    """
    if store.is_local:
        found = {Path(row["location"]) for row in rows if "location" in row}
        files = {path for path in found if path.suffix.lower() not in _WITH_PICTURES}
        size_bytes = sum(path.stat().st_size for path in files if path.is_file())
        space.require(Path(store.root), INGESTED * size_bytes, stage.name)


def _size_bytes(made: Manifest) -> int:
    return _shards_bytes(made.rows) + sum(ref.size_bytes for ref in made.files.values())


def _shards_bytes(rows: Iterable[RowRef]) -> int:
    return sum(ref.size_bytes for ref in {row.blob for row in rows})


def _same_file_system(one: Path, other: Path) -> bool:
    existing = [next(p for p in (path, *path.parents) if p.exists()) for path in (one, other)]
    return existing[0].stat().st_dev == existing[1].stat().st_dev
