"""Phone and word times as Praat TextGrids, one file per clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from artifacts.store import write_atomically
from configs.errors import UserError
from models.aligner.alignment import Alignment, Interval
from models.aligner.textgrid import write_textgrid
from tasks.pipeline import Pipeline
from tasks.run_record import RequestRecord


def export_textgrids(pipeline: Pipeline, folder: Path) -> Iterator[Path]:
    """Write `<utterance_id>.TextGrid` of every aligned clip into a new or empty folder, yielding each path.

    Raises:
        UserError: the stage align has not been run, the folder is not empty, or it is one of the voice's
            recordings, where TextGrids would be read as their texts.
    """
    _refuse_taken(folder, pipeline.request)
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


def _refuse_taken(folder: Path, request: RequestRecord | None) -> None:
    recordings = Path(request["recordings"]) if request is not None else None
    if recordings is not None and folder.resolve().is_relative_to(recordings.resolve()):
        raise UserError(
            f"FOLDER: {folder} lies in the voice's recordings ({recordings}), which the next run reads; name "
            "a new folder elsewhere"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"FOLDER: {folder} is not an empty folder; name a new one for the TextGrids")


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
