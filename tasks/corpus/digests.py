"""Remembers digests of files that have not changed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import quote

from pydantic import TypeAdapter

from artifacts import digest, records
from artifacts.records import Count, RecordError, Sha256
from artifacts.store import write_atomically

# A file written this recently may be written again within the same time stamp.
_FRESH_S = 2.0

_Stamped = tuple[Count, int, Count, Sha256]
"""Size, time of the last change, inode, digest."""
_SHAPE = TypeAdapter(dict[str, _Stamped])


class DigestCache:
    """Digests by path, size, time and inode; only ever saves reading, never enters a key."""

    def __init__(self, file: Path, root: Path, sees_all: bool = True) -> None:
        """sees_all: whether all files of the folder will be asked for, so that others have vanished."""
        self._file = file
        self._root = root
        self._sees_all = sees_all
        self._seen: dict[str, _Stamped] = {}
        try:
            self._known = records.read_file(file, _SHAPE) or {}
        except (RecordError, OSError):  # it is read anew
            self._known = {}

    def of(self, path: str) -> str:
        """SHA-256 of a file of the folder.

        Raises:
            OSError: it cannot be read.
        """
        full = self._root / path
        state = full.stat()
        stamp = (state.st_size, state.st_mtime_ns, state.st_ino)
        known = self._known.get(_name(full))
        content = known[3] if known is not None and known[:3] == stamp else digest.of_file(full)
        if time.time() - state.st_mtime > _FRESH_S:
            self._seen[_name(full)] = (*stamp, content)
        return content

    def save(self) -> None:
        """Write it atomically; entries of other folders stay, those of vanished files go."""
        prefix = f"{_name(self._root)}/"
        kept = {
            name: stamped
            for name, stamped in self._known.items()
            if not self._sees_all or not name.startswith(prefix)
        }
        write_atomically(self._file, records.encode({**kept, **self._seen}))


def _name(path: Path) -> str:
    """The path as text: a file's name can be any bytes."""
    return quote(os.fsencode(path))
