"""What killed runs leave in a workspace: scratch folders, half-written files, copies of libraries.

A scratch folder is kept while a stage holds its lock, and as long as the voice's last run began its stage and
did not finish it: training goes on from the checkpoints in it. All others are of requests that were finished
or that nobody made since.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from artifacts import housekeeping
from artifacts.housekeeping import Swept
from artifacts.store import Store
from models.frontend import espeak_copies
from tasks.run_record import read_run, voices
from tasks.runner import folder_of
from tasks.voice_records import workspace_gate

# `.NAME.<uuid>`: a file or folder under its temporary name; `.old`: what a voice's folder was before.
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{32}(\.old)?")
_KINDS = ("work folders", "partial files", "espeak copies")


class Leftover(NamedTuple):
    """A file or folder that nobody needs."""

    kind: str
    path: Path
    size_bytes: int


def tidy(
    store: Store,
    workspace: Path | None,
    dry_run: bool,
    wait_s: float,
    told: Callable[[], None] | None = None,
) -> list[Swept]:
    """Remove what no voice and no run needs.

    Args:
        workspace: whose scratch folders are looked at too; None for the store alone.
        dry_run: only count.
        wait_s: how long runs may take to pause.
        told: called once when there is somebody to wait for.

    Raises:
        UserError: the store is in use, or what is needed cannot be told; then nothing is removed.
    """
    apart = nullcontext() if workspace is None else workspace_gate(workspace).alone(wait_s, told)
    with store.gate().alone(wait_s, told), apart:
        # Everything is looked at before anything is removed.
        found = housekeeping.find_dead(store)
        left = [] if workspace is None else leftovers(workspace)
        if not dry_run:
            housekeeping.remove(store, found)
            _remove(left)
    counts = found.swept()
    for kind in _KINDS if workspace is not None else ():
        such = [one for one in left if one.kind == kind]
        counts.append(Swept(kind, len(such), sum(one.size_bytes for one in such)))
    return counts


def leftovers(workspace: Path) -> list[Leftover]:
    """What can go; to be called alone in the workspace's gate.

    Raises:
        UserError: a voice's run record cannot be believed, so that it is not known what it goes on from.
    """
    wanted = {
        (stage, folder_of(key))
        for voice in voices(workspace)
        for stage, key in read_run(workspace, voice).get("begun", {}).items()
    }
    found = [Leftover("work folders", path, _size(path)) for path in _unwanted(workspace / "work", wanted)]
    found += [Leftover("partial files", path, _size(path)) for path in _partial(workspace)]
    found += [Leftover("espeak copies", path, _size(path)) for path in espeak_copies.abandoned()]
    return found


def _unwanted(work: Path, wanted: set[tuple[str, str]]) -> Iterator[Path]:
    """Scratch folders and locks that no stage holds and no voice goes on from."""
    for stage in _folders(work):
        names = {path.name.removesuffix(".lock") for path in stage.iterdir()}
        for name in sorted(names):
            if (stage.name, name) in wanted or _is_held(stage / f"{name}.lock"):
                continue
            yield from (path for path in (stage / name, stage / f"{name}.lock") if path.exists())


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _partial(workspace: Path) -> Iterator[Path]:
    """Files and folders that still bear the name under which they were written."""
    places = [workspace / "voices", workspace / "cache", *_folders(workspace / "cache")]
    places += [*_folders(workspace / "runs"), *_folders(workspace / "versions")]
    for place in places:
        if place.is_dir():
            yield from (path for path in sorted(place.iterdir()) if _PARTIAL.fullmatch(path.name))


def _folders(parent: Path) -> Sequence[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def _remove(left: Sequence[Leftover]) -> None:
    for one in left:
        if one.path.is_dir():
            shutil.rmtree(one.path)
        else:
            one.path.unlink(missing_ok=True)
