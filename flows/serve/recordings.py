"""Recordings that a training is made from: brought along, or in a folder that the server offers."""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from starlette.datastructures import UploadFile

from flows.serve.faults import ApiError
from flows.serve.trainings import FOLDER
from tasks.corpus.lists.names import AUDIO_SUFFIXES, is_list_name, may_be_list

TEXT_SUFFIXES = (".txt", ".lab", ".srt", ".vtt", ".textgrid", ".json", ".jsonl", ".csv", ".tsv", ".list")
BLOCK_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_INNER = re.compile(r"(\.[A-Za-z0-9_-]{1,16}){1,2}")
"""Between a recording's name and the ending of a text beside it, as `.en` or `.wav`."""


def offered_folders(roots: Sequence[Path]) -> dict[str, Path]:
    """Folders directly under the roots, by name; the first root's where two have the same.

    Links that lead out of their root are none of them.
    """
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            place = path.resolve()
            if place.is_dir() and place.is_relative_to(root.resolve()) and not path.name.startswith("."):
                found.setdefault(path.name, place)
    return found


def own_names(
    given: Sequence[str],
    endings: Sequence[str] = (*AUDIO_SUFFIXES, *TEXT_SUFFIXES),
    else_named: str = "recording",
) -> list[str]:
    """Names under which files are kept: their own where those are plain, so that lists still name them.

    A recording and the texts beside it, which begin with its name, keep a name in common.

    Args:
        given: As the client has them.
        endings: That are taken.
        else_named: What others are called, with a number.

    Raises:
        ApiError: a file has another ending, or a recording cannot keep its name and a list comes along.
    """
    parts = _with_recordings([_parted(name, endings) for name in given])
    plain = {stem for (stem, _), times in _counted(parts) if not times and _NAME.fullmatch(stem)}
    taken = {stem[:end] for stem in plain for end in (*_dots(stem), len(stem))}
    renamed: dict[tuple[str, int], str] = {}
    names: list[str] = []
    for number, ((stem, ending), times) in enumerate(_counted(parts), 1):
        if not times and stem in plain:
            names.append(f"{stem}{ending}")
            continue
        if (stem, times) not in renamed:
            free = (f"{else_named}-{at:04d}" for at in count(number))
            renamed[stem, times] = next(name for name in free if name not in taken)
            taken.add(renamed[stem, times])
        names.append(f"{renamed[stem, times]}{ending}")
    _check_lists(given, parts, names)
    return names


def _parted(name: str, endings: Sequence[str]) -> tuple[str, str]:
    """A name without its ending, and that, in small letters."""
    stem, dot, ending = name.rpartition(".")
    suffix = next((one for one in endings if dot and one == f".{ending.lower()}"), None)
    if suffix is None:
        raise ApiError(
            400,
            f"files: {name[:64]!r} is none of {', '.join(sorted(endings))}, which are taken here",
            "invalid_value",
            "files",
        )
    return stem, suffix


def _with_recordings(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Parted where the recordings' names end: of `a.en.vtt` beside `a.wav` that is `a` and `.en.vtt`."""
    recordings = {stem for stem, ending in parts if ending in AUDIO_SUFFIXES}
    found: list[tuple[str, str]] = []
    for stem, ending in parts:
        ends = (at for at in _dots(stem) if stem[:at] in recordings and _INNER.fullmatch(stem[at:]))
        end = None if stem in recordings else max(ends, default=None)
        found.append((stem, ending) if end is None else (stem[:end], f"{stem[end:]}{ending}"))
    return found


def _counted(parts: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], int]]:
    """Each with how often the same came before it: a second `a.wav` belongs to a second `a.txt`."""
    came = Counter[tuple[str, str]]()
    for part in parts:
        yield part, came[part]
        came[part] += 1


def _dots(stem: str) -> list[int]:
    return [at for at, character in enumerate(stem) if character == "."]


def _check_lists(given: Sequence[str], parts: Sequence[tuple[str, str]], names: Sequence[str]) -> None:
    """Raises ApiError: a list would name a recording by a name that it has no more."""
    recordings = {stem for stem, ending in parts if ending in AUDIO_SUFFIXES}
    lists = [
        name
        for name, (stem, _) in zip(given, parts, strict=True)
        if is_list_name(name) or (may_be_list(name) and stem not in recordings)
    ]
    for own, name, (_, ending) in zip(given, names, parts, strict=True):
        if lists and ending in AUDIO_SUFFIXES and name.rpartition(".")[0] != own.rpartition(".")[0]:
            raise ApiError(
                400,
                f"files: {own[:64]!r} would be kept as {name}, and {lists[0][:64]!r} may name it; name "
                "recordings with letters, digits, dots, _ and - alone, no two alike, and so in the list, or "
                "send each text as a file of its recording's name",
                "invalid_value",
                "files",
            )


def uploads(workspace: Path) -> Path:
    """Where folders of recordings lie that nobody writes to but the request that made them."""
    return workspace / FOLDER / "uploads"


def new_folder(workspace: Path) -> Path:
    """One of them that is not there yet."""
    return uploads(workspace) / uuid.uuid4().hex


class Brought:
    """Files of a request, laid out in a folder of the workspace.

    Args:
        workspace: Where.
        files: With names as the client has them.

    Raises:
        ApiError: there is none, or one is nothing that a voice is made from.
    """

    def __init__(self, workspace: Path, files: Sequence[UploadFile]) -> None:
        if not files:
            raise ApiError(400, "files: give at least one recording", "missing", "files")
        self._files = files
        self._names = own_names([file.filename or "" for file in files])
        self.folder = new_folder(workspace)

    def write(self) -> str:
        """Write them; the digest of names and contents."""
        digest = hashlib.sha256()
        self.folder.mkdir(parents=True)
        for name, file in zip(self._names, self._files, strict=True):
            digest.update(f"{name}\0{file.size}\0".encode())
            with (self.folder / name).open("xb") as target:
                while block := file.file.read(BLOCK_BYTES):
                    digest.update(block)
                    target.write(block)
        return digest.hexdigest()

    def discard(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)
