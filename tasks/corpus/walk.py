"""What lies in the recordings folder: found once, in a fixed order, opening nothing and leaving nowhere."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tasks.corpus.lists.names import has_audio_suffix, is_list_name, is_text_name
from tasks.corpus.speakers import PLAIN_FOLDERS
from tasks.outcome import Reject, reject

_ID_CHARACTERS = 80
_SKIPPED_FOLDERS = frozenset(["__MACOSX", "@eaDir", "lost+found"])
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass
class Found:
    """Regular files by their path inside the folder, with what was refused on the way.

    Attributes:
        recordings: files named as recordings are.
        texts: lists, text files, subtitles and TextGrids.
        others: files of any other kind.
        rejects: links, folders and devices that claim to be recordings or lists.
        warnings: what the user should know.
    """

    recordings: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _texts: dict[str, str] | None = None

    def text_named(self, path: str) -> str | None:
        """The text file of this path, whatever the case of its suffix."""
        if self._texts is None:
            self._texts = {lower_suffix(name): name for name in self.texts}
        return self._texts.get(lower_suffix(path))


def lower_suffix(path: str) -> str:
    """The path with its ending in small letters."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}{dot}{suffix.lower()}"


def walk(root: Path) -> Found:
    """List the folder; links are never followed, hidden files are skipped."""
    found = Found()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as listed:
                entries = sorted(listed, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            _refuse(found, folder or ".", "unreadable", f"the folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS:
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False) and not has_audio_suffix(entry.name):
                waiting.append(path)
            else:
                _sort_in(found, root, path, entry)
    for names in (found.recordings, found.texts, found.others):
        names.sort(key=os.fsencode)
    found.rejects.sort(key=lambda one: one.row_id)
    return found


def _sort_in(found: Found, root: Path, path: str, entry: os.DirEntry[str]) -> None:
    is_recording = has_audio_suffix(entry.name)
    is_text = is_text_name(entry.name)
    if entry.is_symlink():
        _look_at_link(found, root, path, is_recording or is_list_name(entry.name))
    elif entry.is_file(follow_symlinks=False):
        (found.recordings if is_recording else found.texts if is_text else found.others).append(path)
    elif is_recording or is_list_name(entry.name):
        kind = stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
        what = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        _refuse(found, path, "not_a_file", f"this is {what.get(kind, 'a device')}, not a file")


def _look_at_link(found: Found, root: Path, path: str, matters: bool) -> None:
    try:
        target = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop, before Python 3.13
        if matters:
            _refuse(found, path, "bad_link", "the link leads nowhere")
        return
    if target.is_relative_to(root):
        if matters:
            found.warnings.append(f"{shown(path)}: a link to a file of this folder, not used twice")
    elif matters or target.is_dir():
        _refuse(found, path, "bad_link", "the link leads out of the recordings folder")


def _refuse(found: Found, path: str, code: str, reason: str) -> None:
    remedies = {
        "bad_link": "copy the files into the folder instead of linking them",
        "not_a_file": "rename or remove it",
        "unreadable": "correct its permissions, or remove it",
    }
    found.rejects.append(reject(shown(path), code, "path", shown(path), reason, remedies[code]))


def shown(path: str) -> str:
    """A path as text that any table can hold, whatever bytes the file's name is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def recording_ids(paths: Sequence[str]) -> list[str]:
    """One identifier per path: safe as a file name anywhere, and unique.

    A plain name stays as it is. One that had to be changed, or that another path shares, carries part of
    the path's digest: a recording that comes later renames none but one of its own name (`a.mp3` beside
    `a.wav`).
    """
    plain = [_plain_id(path) for path in paths]
    shared = Counter(name.casefold() for name in plain)
    return [
        name if shared[name.casefold()] == 1 else _with_digest(name, path)
        for name, path in zip(plain, paths, strict=True)
    ]


def _plain_id(path: str) -> str:
    pure = PurePosixPath(path)
    folders = [name for name in pure.parts[:-1] if name.lower() not in PLAIN_FOLDERS]
    name = "__".join([*folders, pure.stem])
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", folded).strip("._-") or "recording"
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    if safe == name and len(safe) <= _ID_CHARACTERS:
        return safe
    return _with_digest(safe, path)


def _with_digest(name: str, path: str) -> str:
    return f"{name[: _ID_CHARACTERS - 9]}-{sha256(os.fsencode(path)).hexdigest()[:8]}"
