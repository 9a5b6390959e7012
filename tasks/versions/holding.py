"""One run of a voice at a time: who holds it, and what the others are told."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from artifacts.leases import is_at
from configs.errors import UserError
from tasks.run_record import run_path
from tasks.versions.record import now

POLL_S = 0.5


class HeldError(UserError):
    """Another process holds the voice."""


@contextmanager
def holding(
    workspace: Path, voice: str, doing: str, wait: bool, told: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a voice: its recipe, record and versions are the holder's to change.

    The kernel lets go of it when the process ends, however it ends.

    Args:
        doing: What for, as others are told: "finetune".
        wait: Whether to wait for another holder.
        told: Gets a line about who holds it, once, before waiting.

    Raises:
        HeldError: another process holds it, and it is not to be waited for.
    """
    path = run_path(workspace, voice).with_name("held")
    first = True
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            if _locked(file.fileno()):
                if not is_at(file.fileno(), path):
                    # The voice was deleted since the file was opened.
                    continue
                file.seek(0)
                file.truncate()
                json.dump({"doing": doing, "process": os.getpid(), "since": now()}, file)
                file.flush()
                yield
                return
        holder = _holder(path)
        if not wait:
            raise HeldError(
                f"{voice}: is being worked on by {holder}; wait for it (`finetune` and `rerun` do with "
                "--wait), or stop that one first"
            )
        if first and told is not None:
            told(f"{voice}: waits for {holder}")
        first = False
        time.sleep(POLL_S)


def is_held(workspace: Path, voice: str) -> bool:
    """Whether the process that held it last still runs; asking keeps nobody from holding it."""
    try:
        holder = json.loads(run_path(workspace, voice).with_name("held").read_text(encoding="utf-8"))
        os.kill(int(holder["process"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False
    return True


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    """Who holds it, in words; the file is written right after it is locked."""
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"`{holder['doing']}` (process {holder['process']}, since {holder['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
