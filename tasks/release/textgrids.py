"""Phone and word times as Praat TextGrids, one file per clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from artifacts.store import write_atomically
from models.aligner.alignment import Alignment, Interval
from models.aligner.textgrid import write_textgrid
from tasks.pipeline import Pipeline


def export_textgrids(pipeline: Pipeline, folder: Path) -> Iterator[Path]:
    """Write `<utterance_id>.TextGrid` of every aligned clip, yielding each path.

    Raises:
        UserError: the stage align has not been run.
    """
    rows = pipeline.table("align").to_pylist()
    durations = dict(
        zip(
            *(pipeline.table("enhance", [n])[n].to_pylist() for n in ("utterance_id", "duration_s")),
            strict=True,
        )
    )
    for row in rows:
        path = folder / f"{row['utterance_id']}.TextGrid"
        write_atomically(path, write_textgrid(_alignment(row), durations[row["utterance_id"]]).encode())
        yield path


def _alignment(row: Mapping[str, Any]) -> Alignment:
    return Alignment(
        phones=tuple(_interval(phone, phone["word"]) for phone in row["phones"]),
        words=tuple(_interval(word, number) for number, word in enumerate(row["words"])),
        score=row["score"],
        loud_silence_ratio=row["loud_silence_ratio"],
        backend=row["backend"],
        backend_version=row["backend_version"],
    )


def _interval(one: Mapping[str, Any], word: int) -> Interval:
    score = math.nan if one["score"] is None else one["score"]
    return Interval(one["label"], one["start_s"], one["end_s"], score, word)
