"""`nights/<began>/`: what each night came to, as a page, as text and as a record; the newest are kept."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from artifacts import records
from artifacts.records import RecordError
from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.nights.digest import SHAPE, NightDigest, ended_early, text

KEPT = 60
RECORD, PAGE, TEXT = "digest.json", "digest.html", "digest.txt"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?")
KILLED = "the process of this night was killed, and the next night goes on where it stopped"


def nights(workspace: Path) -> list[Path]:
    """Folders of all nights that are kept, the oldest first."""
    parent = workspace / "nights"
    found = [path for path in parent.iterdir() if _NAME.fullmatch(path.name)] if parent.is_dir() else []
    return sorted(found, key=lambda path: (path.name.partition("-")[0], path.name))


def new_folder(workspace: Path, began: str) -> Path:
    """A folder for a night that begins; the oldest of the others go.

    Args:
        began: As records have the time: `2026-11-30T03:00:00+00:00`.
    """
    name = began.replace("+00:00", "Z").replace(":", "")
    folder = workspace / "nights" / name
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{name}-{number}")
    folder.mkdir(parents=True)
    for old in nights(workspace)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def write(folder: Path, digest: NightDigest, page: str) -> None:
    """Write a night's files, each whole or not at all."""
    write_atomically(folder / RECORD, records.encode(digest, indent=1))
    write_atomically(folder / TEXT, text(digest, str(folder / PAGE)).encode("utf-8"))
    write_atomically(folder / PAGE, page.encode("utf-8"))


def read(folder: Path) -> NightDigest:
    """A night's record.

    Raises:
        UserError: there is none, or it cannot be believed.
    """
    try:
        found = records.read_file(folder / RECORD, SHAPE)
    except RecordError as error:
        raise UserError(
            f"{folder / RECORD}: {error}; `voicewright nightly show` tells other nights"
        ) from error
    if found is None:
        raise UserError(
            f"{folder}: holds no record of a night; `voicewright nightly show` tells the last one"
        )
    return found


def killed_nights(workspace: Path) -> Iterator[tuple[Path, NightDigest]]:
    """Nights that have no end, as they are to be told from now on; for whoever holds the night."""
    for folder in nights(workspace):
        try:
            digest = read(folder)
        except UserError:
            continue
        if digest["ended"] is None and not digest["stopped"]:
            yield folder, ended_early(digest, KILLED)


@contextmanager
def one_night(workspace: Path) -> Iterator[None]:
    """Keep a second night out for as long as this one lasts; the kernel lets go when the process ends.

    Raises:
        UserError: another one is at work.
    """
    path = workspace / "nights" / "held"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"nightly: another night is at work in {workspace}; wait for its end, or stop it first"
            ) from error
        yield
