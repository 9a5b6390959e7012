"""Stage division: the training, validation and test recordings of one's own lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.stage import ConfigView, Outcome


def division_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One row per recording that a list puts into a split; the others have none."""
    del cfg, files
    return [Outcome(rows=[_row(row)] if row["split"] is not None else []) for row in rows]


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"recording_id": row["recording_id"], "split": row["split"]}
