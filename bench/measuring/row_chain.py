"""Stages in a row, each of which reads the one before and takes no time of its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pyarrow as pa

from tasks.outcome import ConfigView, Outcome
from tasks.stage import RowStage

ROWS_PER_SHARD = 16
SCHEMA = pa.schema([("name", pa.string()), ("value", pa.float32())])


def chain(length: int) -> list[RowStage]:
    """Stages `stage_00` to the last one, in shards as large as the real ones."""
    names = ["scan", *(f"stage_{number:02d}" for number in range(length))]
    return [
        RowStage(
            name=own,
            version=1,
            run=f"{__name__}:carry_on",
            reads={above: None},
            schema=SCHEMA,
            rows_per_shard=ROWS_PER_SHARD,
            batch_rows=ROWS_PER_SHARD,
            parallel=False,
        )
        for above, own in pairwise(names)
    ]


def carry_on(rows: list[dict[str, Any]], cfg: ConfigView, files: object) -> list[Outcome]:
    """The rows as they are, one further."""
    del cfg, files
    return [Outcome(rows=[{"name": row["name"], "value": row["value"] + 1}]) for row in rows]
