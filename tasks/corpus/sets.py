"""Sets of a recordings folder: a folder with transcript lists, and the recordings under it."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.lists import probing
from tasks.corpus.lists.names import Recordings, is_list_name, may_be_list
from tasks.corpus.walk import Found


@dataclass
class RecordingSet:
    """Recordings and what may say their texts, by paths inside the recordings folder.

    Attributes:
        folder: the set's, "" for the recordings folder itself.
        lists: files that are lists by their name or by the settings.
        others: files that are lists by their content: they count where no list of the first kind does.
        recordings: the set's.
    """

    folder: str
    lists: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)


def sets_of(root: Path, settings: CorpusSettings, found: Found) -> list[RecordingSet]:
    """The sets in order; a recording belongs to the nearest folder that has lists.

    Raises:
        UserError: `corpus.metadata` names no usable file.
    """
    sets: dict[str, RecordingSet] = {}

    def of(folder: str) -> RecordingSet:
        return sets.setdefault(folder, RecordingSet(folder))

    if settings.metadata is not None:
        of("").lists.append(_named(root, settings.metadata))
    elif settings.transcripts == "auto":
        known: dict[str, Recordings] = {}
        stems = {path.rpartition(".")[0] for path in found.recordings}
        holding = {str(folder) for path in found.recordings for folder in PurePosixPath(path).parents}
        for path in found.texts:
            name = PurePosixPath(path).name
            if is_list_name(name):
                of(_home(path, holding)).lists.append(root / path)
            elif may_be_list(name) and path.rpartition(".")[0] not in stems:
                home = _home(path, holding)
                if home not in known:
                    known[home] = Recordings(_under(home, found.recordings))
                if _is_list(root / path, settings, known[home]):
                    of(home).others.append(root / path)
    folders = frozenset(sets)
    for path in found.recordings:
        parents = ("" if str(p) == "." else str(p) for p in PurePosixPath(path).parents)
        of(next((folder for folder in parents if folder in folders), "")).recordings.append(path)
    return [sets[folder] for folder in sorted(sets)]


def _is_list(path: Path, settings: CorpusSettings, recordings: Recordings) -> bool:
    try:
        return probing.is_list(path, settings.encoding, recordings) and not probing.holds_refused(path)
    except OSError:
        return False


def _under(folder: str, recordings: Sequence[str]) -> Sequence[str]:
    """Those of a folder; found by halving, since a corpus may have thousands of folders with lists."""
    if not folder:
        return recordings
    # In the order of `walk`; "0" is what follows "/".
    first, behind = (
        bisect_left(recordings, os.fsencode(folder) + mark, key=os.fsencode) for mark in (b"/", b"0")
    )
    return recordings[first:behind]


def _named(root: Path, metadata: str) -> Path:
    given = Path(metadata).expanduser()
    if not given.is_file():
        raise UserError(f"corpus.metadata: {given} is no file; name a transcript list")
    inside = given.resolve()
    if inside.suffix.lower() == ".parquet" and not inside.is_relative_to(root):
        raise UserError(
            f"corpus.metadata: {given} lies outside {root}; a Parquet file may hold recordings, so "
            "put it into the recordings folder"
        )
    return inside if inside.is_relative_to(root) else given


def _home(path: str, holding: Collection[str]) -> str:
    """The folder that a list speaks for: its own, or the nearest above of those that hold recordings."""
    folder = path.rpartition("/")[0]
    if path.lower().endswith(".parquet"):
        return folder
    while folder and folder not in holding:
        folder = folder.rpartition("/")[0]
    return folder
