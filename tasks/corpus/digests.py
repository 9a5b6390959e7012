"""Remembers digests of files that have not changed."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from artifacts import digest

# A file written this recently may be written again within the same time stamp.
_FRESH_S = 2.0


class DigestCache:
    """Digests by path, size, time and inode; only ever saves reading, never enters a key."""

    def __init__(self, file: Path, root: Path) -> None:
        self._file = file
        self._root = root
        self._known: dict[str, list[Any]] = {}
        self._seen: dict[str, list[Any]] = {}
        try:
            loaded = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(loaded, dict):
            self._known = loaded

    def of(self, path: str) -> str:
        """SHA-256 of a file of the folder.

        Raises:
            OSError: it cannot be read.
        """
        full = self._root / path
        state = full.stat()
        stamp = [state.st_size, state.st_mtime_ns, state.st_ino]
        known = self._known.get(str(full))
        if isinstance(known, list) and known[:3] == stamp and len(known) == 4:
            content = str(known[3])
        else:
            content = digest.of_file(full)
        if time.time() - state.st_mtime > _FRESH_S:
            self._seen[str(full)] = [*stamp, content]
        return content

    def save(self) -> None:
        """Write it atomically; entries of other folders stay, those of vanished files go."""
        prefix = f"{self._root}{os.sep}"
        kept = {name: v for name, v in self._known.items() if not name.startswith(prefix)}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**kept, **self._seen}, file)
        Path(temporary).replace(self._file)
