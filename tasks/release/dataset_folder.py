"""A voice's training table as a folder that Hugging Face's `datasets` reads, or that goes to its hub."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from configs.errors import UserError
from tasks.pipeline import Pipeline

CARD = "README.md"
_UNFINISHED = ".unfinished-"
"""Begins the name of the folder that a table is copied into; only a killed export leaves one."""


def table_files(pipeline: Pipeline) -> dict[str, Path]:
    """The table's files by their names in the folder: Parquet of each split, and the dataset card.

    Raises:
        UserError: the voice has not got that far, or a file is damaged.
    """
    if pipeline.known("shard") is None:
        raise UserError(
            f"--voice: {pipeline.voice} has no training table of its present recordings and settings; run "
            "`voicewright finetune` up to the stage shard (--until shard)"
        )
    return pipeline.files("shard")


def write_dataset(files: Mapping[str, Path], folder: Path) -> Iterator[str]:
    """Copy the files into a new or empty folder, yielding each name; they appear together, the card last.

    Raises:
        UserError: the folder holds something.
    """
    is_new = not folder.exists()
    if not is_new:
        _require_empty(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Inside the folder, which may be a mounted one: renaming never leaves its file system.
    building = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    try:
        for name, path in sorted(files.items()):
            _copy(path, building / name)
            yield name
        for made in sorted(building.iterdir(), key=lambda one: (one.name == CARD, one.name)):
            made.rename(folder / made.name)
        _sync_folder(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # it is full, as it should be
                folder.rmdir()


def _require_empty(folder: Path) -> None:
    found = list(folder.iterdir()) if folder.is_dir() else [folder]
    left = [path for path in found if path.name.startswith(_UNFINISHED) and path.is_dir()]
    if len(left) < len(found):
        raise UserError(f"FOLDER: {folder} is not an empty folder; name a new one for the dataset")
    for path in left:
        shutil.rmtree(path)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
