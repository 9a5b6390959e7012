"""Where a process keeps its private copies of the espeak-ng library, and those that dead processes left.

espeak-ng keeps its state in C globals, so whoever needs it twice loads a copy of the library's file. A
process that is killed cannot remove its copies; the next one that makes any does. A lock in each folder
tells: the kernel lets go of it when its process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import TextIO

PREFIX = "voicewright-espeak-"
LOCK = "lock"
# A younger folder without a lock is just being made.
_MAKING_S = 60.0


class _Copies:
    """This process's folder, and the lock that says that it lives."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.lock: TextIO = (self.folder / LOCK).open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        # Finalizers run in the reverse order of their making, so those of the copies inside come before.
        weakref.finalize(self, _remove, self.folder, os.getpid())


@functools.cache
def _copies() -> _Copies:
    for path in abandoned():
        shutil.rmtree(path, ignore_errors=True)
    return _Copies()


def copies_folder() -> Path:
    """This process's folder; made, and those of dead processes removed, at the first call."""
    return _copies().folder


def abandoned() -> list[Path]:
    """Folders of processes that ended without removing them."""
    return [path for path in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")) if _is_abandoned(path)]


def _is_abandoned(folder: Path) -> bool:
    try:
        found = folder.lstat()
        if found.st_uid != os.getuid():
            return False
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return folder.exists() and time.time() - found.st_mtime > _MAKING_S
    except OSError:  # held, or none of ours
        return False
    return True


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child is not the owner
        shutil.rmtree(folder, ignore_errors=True)
