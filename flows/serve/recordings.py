"""Recordings that a training is made from: brought along, or in a folder that the server offers."""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from starlette.datastructures import UploadFile

from flows.serve.faults import ApiError
from flows.serve.trainings import FOLDER
from tasks.corpus.lists.names import AUDIO_SUFFIXES

TEXT_SUFFIXES = (".txt", ".lab", ".srt", ".vtt", ".textgrid", ".json", ".jsonl", ".csv", ".tsv", ".list")
BLOCK_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


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

    Args:
        given: As the client has them.
        endings: That are taken.
        else_named: What others are called, with a number.

    Raises:
        ApiError: a file has another ending.
    """
    names: list[str] = []
    for number, name in enumerate(given, 1):
        stem, dot, ending = name.rpartition(".")
        suffix = next((one for one in endings if dot and one == f".{ending.lower()}"), None)
        if suffix is None:
            raise ApiError(
                400,
                f"files: {name[:64]!r} is none of {', '.join(sorted(endings))}, which are taken here",
                "invalid_value",
                "files",
            )
        plain = f"{stem}{suffix}"
        is_plain = _NAME.fullmatch(stem) and plain not in names
        names.append(plain if is_plain else f"{else_named}-{number:04d}{suffix}")
    return names


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
        self.folder = workspace / FOLDER / "uploads" / uuid.uuid4().hex

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
