"""A part of a file as a file of its own, which audio libraries may read from their callbacks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO


class Window:
    """Bytes `[start, end)` of a file, some of them replaced.

    What raises inside a library's callback prints a traceback or hides the cause, so nothing here raises:
    a seek to nowhere answers -1 and leaves the position, and a failed read ends the window.

    Attributes:
        failure: the error of the disk that ended the window, or None; whoever reads must look.
        size: bytes.
    """

    def __init__(
        self, file: BinaryIO, start: int, end: int, replaced: Mapping[int, bytes] | None = None
    ) -> None:
        self._file = file
        self._start = start
        self._at = 0
        self._replaced = dict(replaced or {})
        self.size = end - start
        self.failure: OSError | None = None

    def read(self, size: int | None = None) -> bytes:
        """At most `size` bytes, or all that are left; none after a failure."""
        left = max(0, self.size - self._at)
        # A library that asks for a negative size has no room for what is left.
        wanted = left if size is None else min(max(0, size), left)
        if self.failure is not None or wanted == 0:
            return b""
        try:
            self._file.seek(self._start + self._at)
            data = self._file.read(wanted)
        except OSError as error:
            self.failure = error
            return b""
        if self._replaced:
            data = self._overlaid(data)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place inside the window or behind it; -1 where there is none."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}.get(whence)
        if base is None or not 0 <= base + offset < 1 << 62:
            return -1
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Bytes from the window's start."""
        return self._at

    def part(self, start: int, end: int, replaced: Mapping[int, bytes] | None = None) -> Window:
        """A window of this window's file; places count from this window's start."""
        return Window(self._file, self._start + start, self._start + end, replaced)

    def _overlaid(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for place, replacement in self._replaced.items():
            for index, byte in enumerate(replacement, place - self._at):
                if 0 <= index < len(changed):
                    changed[index] = byte
        return bytes(changed)
