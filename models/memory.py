"""Memory that a CPU's arithmetic is done with: kept for the next tensor instead of given back to the system.

glibc maps every large block anew and gives it back as soon as it is free, and memory that is mapped anew is
a page fault for each of its pages. Networks take and free the same blocks thousands of times: on a virtual
machine faults were up to a third of a fitting's time. Other C libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -3, -4, -8
"""Parameters of glibc's `mallopt` (malloc.h)."""

LARGEST_MMAP_THRESHOLD = 32 << 20
"""Bytes; what glibc itself raises the threshold to in a process that frees large blocks, on 64 bits."""
MAPPED_BLOCKS = 65536
"""glibc's own limit."""
NEVER = -1

ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
"""What `one_arena` does, for the environment of a process that is to be started."""


class _Users:
    """How many blocks of code keep memory at the moment: what they set, they set for the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def enter(self) -> None:
        with self._lock:
            self._count += 1
            keep_memory()

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count:
                _give_back()


_users = _Users()


def one_arena() -> None:
    """Let threads that are yet to be started take memory where the main thread does.

    Arenas of their own are made of pieces of 64 MB, which are given back whatever is asked here. Called at
    the start of a process, before it has threads.
    """
    _set(ARENA_MAX, 1)


def keep_memory() -> None:
    """Keep what is freed, for as long as this process lasts."""
    _set(MMAP_MAX, 0)
    _set(TRIM_THRESHOLD, NEVER)


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep what is freed inside; at its end, or that of the last of several at once, all of it goes back."""
    _users.enter()
    try:
        yield
    finally:
        _users.leave()


def _give_back() -> None:
    _set(MMAP_MAX, MAPPED_BLOCKS)
    _set(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
    _set(TRIM_THRESHOLD, 2 * LARGEST_MMAP_THRESHOLD)
    _call("malloc_trim", 0)


def _set(parameter: int, value: int) -> None:
    _call("mallopt", parameter, value)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)
