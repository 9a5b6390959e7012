"""Rows and inputs that stage functions of the corpus can be called with directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from configs.settings import Settings
from models.frontend.audio import encode_flac
from tasks.stage import Outcome, Reject, RowStage, function_of


class Tables:
    """The `Inputs` of a corpus stage, from plain tables."""

    def __init__(
        self,
        tables: Mapping[str, Sequence[dict[str, Any]]],
        rejects: Mapping[str, Sequence[Reject]] | None = None,
    ) -> None:
        self._tables = tables
        self._rejects = rejects or {}

    def table(self, stage: str, columns: Sequence[str] | None = None) -> pa.Table:
        rows = [{name: row[name] for name in columns or row} for row in self._tables.get(stage, ())]
        return pa.Table.from_pylist(rows)

    def rejects(self, stage: str) -> Sequence[Reject]:
        return self._rejects.get(stage, ())


def settings(**changes: Any) -> Any:
    """Default settings with changed values, `corpus__segment__min_s=2.0`."""
    tree = Settings().model_dump()
    for name, value in changes.items():
        *parents, leaf = name.split("__")
        section = tree
        for parent in parents:
            section = section[parent]
        section[leaf] = value
    return Settings.model_validate(tree)


def run_one(
    stage: RowStage,
    row: dict[str, Any],
    cfg: Any = None,
    files: Mapping[str, Mapping[str, Path]] | None = None,
) -> Outcome:
    """Outcome of one row."""
    (outcome,) = function_of(stage)([row], cfg or settings(), files or {})
    return outcome


def recording(samples: np.ndarray, sample_rate: int, **columns: Any) -> dict[str, Any]:
    """A row of ingest."""
    return {
        "recording_id": "r",
        "speaker": "s",
        "language": None,
        "text": None,
        "text_before": None,
        "text_after": None,
        "cuts": None,
        "source_digest": "0" * 64,
        "audio": encode_flac(samples.astype(np.float32), sample_rate),
        "sample_rate": sample_rate,
        "duration_s": samples.size / sample_rate,
    } | columns


def read(path: Path) -> tuple[np.ndarray, int]:
    """Samples and rate of a real recording."""
    import soundfile

    samples, sample_rate = soundfile.read(path, dtype="float32")
    return samples, sample_rate


def work(folder: Path) -> Any:
    """Private folder of a corpus stage."""
    return SimpleNamespace(dir=folder)
