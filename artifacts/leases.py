"""Who uses a store: runs side by side, or a clean-up alone; and what the runs need.

A `Gate` is passed by many at once or by one alone. A run passes it, with others, for as long as it looks
something up or stores it; a clean-up passes it alone. `Pins` name the results that a run has found or makes:
a clean-up treats them like a voice's own. So training, which can last for days, stands outside the gate and
still loses nothing.

In a folder both are files under `flock`: the kernel lets go of them when their holder ends, however it ends.
An object store has no locks. There they are objects which their holders write anew every minute, and one
that was not for ten minutes is of a process that died; clocks may differ by less than that. Whoever wants
to pass writes first and looks second, so of two who meet at least one sees the other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, Name
from configs.errors import UserError

POLL_S, POLL_OBJECTS_S = 0.05, 0.5
BEAT_S = 60.0
BEAT_AGAIN_S = 5.0
"""After a beat that failed."""
ABANDONED_S = 600.0

_KINDS = ("alone-", "inside-", "pins-")

Told = Callable[[], None]
"""Called once when somebody has to wait."""


@with_config(EXACT)
class _Pinned(TypedDict):
    stages: list[tuple[Name, Name]]


_PINNED = TypeAdapter(_Pinned)


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still is the one at the path: a lock on one that is gone keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class Gate(Protocol):
    """Passed by many at once, or by one alone."""

    def shared(self, told: Told | None = None) -> AbstractContextManager[None]:
        """Pass with others; waits for whoever is alone."""
        ...

    def alone(self, wait_s: float, told: Told | None = None) -> AbstractContextManager[None]:
        """Pass alone.

        Raises:
            UserError: the others did not end within the time.
        """
        ...


class Pins(Protocol):
    """Results that a run needs, until it closes them or ends."""

    def add(self, stage: str, key: str) -> None:
        """Name one more; to be called inside the gate."""
        ...

    def close(self) -> None:
        """Let go of all."""
        ...


class FolderGate:
    """A gate that is a file of a folder, under `flock`.

    Where the folder cannot be written (a store that is mounted to be read) and nobody made the file yet,
    there is nobody to wait for either.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "gate"

    @contextmanager
    def shared(self, told: Told | None = None) -> Iterator[None]:
        descriptor = self._opened()
        if descriptor is None:
            yield
            return
        try:
            waiting = _Waiting(told, POLL_S)
            while not _locked(descriptor, fcntl.LOCK_SH):
                waiting.once()
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def alone(self, wait_s: float, told: Told | None = None) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            until_s = time.monotonic() + wait_s
            waiting = _Waiting(told, POLL_S)
            while not _locked(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > until_s:
                    raise _busy(wait_s)
                waiting.once()
            yield
        finally:
            os.close(descriptor)

    def _opened(self) -> int | None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
        try:
            return os.open(self._file, os.O_RDONLY)
        except OSError:
            return None


class FolderPins:
    """Pins in a file of a folder that its holder keeps locked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"pins-{uuid.uuid4().hex}.json"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._stages: set[tuple[str, str]] = set()
        self._closed = weakref.finalize(self, _let_go, path, self._descriptor)

    def add(self, stage: str, key: str) -> None:
        if (stage, key) not in self._stages:
            self._stages.add((stage, key))
            data = records.encode({"stages": sorted(self._stages)})
            # In place, since a lock is of the file and not of its name; readers are kept out by the gate.
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, data, 0)

    def close(self) -> None:
        self._closed()


def folder_pinned(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that living runs pin; files of dead ones are removed. To be called alone in the gate."""
    for path in sorted(folder.glob("pins-*.json")):
        with path.open("rb") as file:
            if _locked(file.fileno(), fcntl.LOCK_EX):
                path.unlink(missing_ok=True)
            else:
                yield from _stages(file.read())


class ObjectGate:
    """A gate made of objects under a prefix of any fsspec file system."""

    def __init__(self, fs: Any, prefix: str) -> None:
        self._fs, self._prefix = fs, prefix

    @contextmanager
    def shared(self, told: Told | None = None) -> Iterator[None]:
        mark = _Beating(self._fs, f"{self._prefix}/inside-{uuid.uuid4().hex}")
        try:
            waiting = _Waiting(told, POLL_OBJECTS_S)
            while self._living("alone-"):
                mark.stop()
                waiting.once()
                mark.start()
            yield
        finally:
            mark.stop()

    @contextmanager
    def alone(self, wait_s: float, told: Told | None = None) -> Iterator[None]:
        own = f"alone-{uuid.uuid4().hex}"
        mark = _Beating(self._fs, f"{self._prefix}/{own}")
        until_s = time.monotonic() + wait_s
        try:
            waiting = _Waiting(told, POLL_OBJECTS_S)
            # Those who come later see the mark and wait, so this waits for those who are inside already.
            while (others := self._living("alone-") - {own}) or self._living("inside-"):
                if time.monotonic() > until_s:
                    raise _busy(wait_s)
                steps_back = any(other < own for other in others)  # of two that wait, one does
                if steps_back:
                    mark.stop()
                waiting.once()
                if steps_back:
                    mark.start()
            yield
        finally:
            mark.stop()

    def _living(self, kind: str) -> set[str]:
        return {name for name in _living(self._fs, self._prefix) if name.startswith(kind)}


class ObjectPins:
    """Pins in an object that its holder writes anew every minute."""

    def __init__(self, fs: Any, prefix: str) -> None:
        self._stages: set[tuple[str, str]] = set()
        self._mark = _Beating(fs, f"{prefix}/pins-{uuid.uuid4().hex}.json", self._text())
        self._closed = weakref.finalize(self, self._mark.stop)

    def add(self, stage: str, key: str) -> None:
        if (stage, key) not in self._stages:
            self._stages.add((stage, key))
            self._mark.write(self._text())

    def close(self) -> None:
        self._closed()

    def _text(self) -> bytes:
        return records.encode({"stages": sorted(self._stages)})


def object_pinned(fs: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Everything that living runs pin; objects of dead ones are removed. To be called alone in the gate."""
    living = _living(fs, prefix)
    for path in _listed(fs, prefix):
        name = path.rsplit("/", 1)[-1]
        if name.startswith(_KINDS) and name not in living:
            fs.rm_file(path)
        elif name.startswith("pins-"):
            yield from _stages(fs.cat_file(path))


class _Beating:
    """An object that exists, and is young, from its making until `stop` or its process's end."""

    def __init__(self, fs: Any, path: str, data: bytes = b"-") -> None:
        self._fs, self._path, self._data = fs, path, data
        self._lock = threading.Lock()
        self.start()

    def start(self) -> None:
        self.write(self._data)
        self._over = threading.Event()
        # The thread knows the object through its own variables: it ends with the mark, or with the process.
        threading.Thread(target=self._beat, args=(self._over,), daemon=True).start()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._data = data
            self._fs.pipe_file(self._path, data)

    def stop(self) -> None:
        self._over.set()
        with self._lock:
            if self._fs.exists(self._path):
                self._fs.rm_file(self._path)

    def _beat(self, over: threading.Event) -> None:
        wait_s = BEAT_S
        while not over.wait(wait_s):
            with self._lock:
                if over.is_set():
                    return
                try:
                    self._fs.pipe_file(self._path, self._data)
                    wait_s = BEAT_S
                except Exception:  # noqa: BLE001 - each store has errors of its own
                    # One that passes must not let a run of days count as dead.
                    wait_s = BEAT_AGAIN_S


def _stages(data: bytes) -> list[tuple[str, str]]:
    """What a pins file says; a torn one is of a run that has not found anything yet."""
    try:
        return records.decode(data, _PINNED)["stages"]
    except records.RecordError:
        return []


def _living(fs: Any, prefix: str) -> set[str]:
    now = datetime.now(UTC)
    found = set()
    for path in _listed(fs, prefix):
        try:
            age = now - fs.modified(path).astimezone(UTC)
        except FileNotFoundError:  # let go meanwhile
            continue
        if age.total_seconds() < ABANDONED_S:
            found.add(path.rsplit("/", 1)[-1])
    return found


def _listed(fs: Any, prefix: str) -> list[str]:
    fs.invalidate_cache()
    try:
        return sorted(fs.ls(prefix, detail=False))
    except FileNotFoundError:
        return []


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go(path: Path, descriptor: int) -> None:
    path.unlink(missing_ok=True)
    os.close(descriptor)


class _Waiting:
    """Waits a little at a time, and tells of the first time."""

    def __init__(self, told: Told | None, poll_s: float) -> None:
        self._told, self._poll_s = told, poll_s

    def once(self) -> None:
        if self._told is not None:
            self._told()
            self._told = None
        time.sleep(self._poll_s)


def _busy(wait_s: float) -> UserError:
    return UserError(
        f"the store is in use by a run that did not pause within {wait_s:.0f} s, so nothing was removed; try "
        "again while it trains or when it has ended, or wait longer with --wait SECONDS"
    )
