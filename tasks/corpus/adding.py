"""New recordings beside those that a voice has: both in a folder of their own, which nobody else writes to.

What is there keeps its path inside the folder, so nothing of it is made anew. What is new lies in `set-2`,
`set-3` and so on, where its own lists speak for it alone. No folder that somebody named is written to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from artifacts import digest, space
from artifacts.faults import writing
from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.lists.names import is_list_name, may_be_list
from tasks.corpus.scan import scan_recordings
from tasks.corpus.sidecars import found_alone
from tasks.corpus.speakers import safe_name
from tasks.corpus.walk import Found, walk


class Together(NamedTuple):
    """Where all recordings lie, and who speaks in those of before."""

    folder: Path
    speaker: str


class _Copied(NamedTuple):
    """A file, and its path inside the new folder."""

    source: Path
    path: str


def put_together(
    before: Path, new: Path, folder: Path, settings: CorpusSettings, digest_cache: Path, own: Path
) -> Together:
    """Lay earlier and new recordings out in one folder, with the texts that belong to them.

    A new recording that is there already, byte by byte, is left out with the texts of its name. One that only
    has the name of an earlier one gets another, unless a list came along, which names it.

    Args:
        before: The voice's recordings: a folder, or one recording.
        new: Folder.
        folder: Does not exist yet; where nothing is new it is not made, and `before` is the answer.
        settings: `corpus` of the voice's last run.
        digest_cache: As `scan_recordings` takes it.
        own: Folder whose files are never written to: those are linked in place of copied.

    Raises:
        UserError: new recordings have no clear place beside the earlier ones; what to do instead.
        MachineError: the disk has too little room.
    """
    by_hand = f"put them where they belong in {before}, and run `voicewright finetune` on it"
    if settings.metadata is not None:
        raise UserError(
            f"recordings: the voice's texts come from {settings.metadata} (corpus.metadata), in which new "
            f"recordings have no rows; {by_hand}"
        )
    rows = scan_recordings(before, settings, digest_cache).rows
    speakers = sorted({row["speaker"] for row in rows})
    if len(speakers) > 1:
        raise UserError(
            f"recordings: the voice has {len(speakers)} speakers, and nothing says which of them is heard in "
            f"the new ones; {by_hand}"
        )
    there = walk(before) if before.is_dir() else found_alone(before)
    root = before if before.is_dir() else before.parent
    brought = walk(new)
    if not brought.recordings:
        raise UserError("recordings: none came along; give at least one recording")
    known = {row["source_digest"] for row in rows}
    fresh = [path for path in brought.recordings if digest.of_file(new / path) not in known]
    if not fresh:
        return Together(before, safe_name(speakers[0]))
    files = [_Copied(root / path, path) for path in (*there.recordings, *there.texts)]
    files += _laid_out(new, brought, fresh, there)
    _copy(files, folder, own)
    return Together(folder, safe_name(speakers[0]))


def _laid_out(new: Path, brought: Found, fresh: Collection[str], there: Found) -> Iterator[_Copied]:
    """New files under the names that they get."""
    taken = {_stem(path).casefold() for path in there.recordings}
    parts = {PurePosixPath(path).parts[0].casefold() for path in (*there.recordings, *there.texts)}
    number = next(at for at in range(2, len(parts) + 3) if f"set-{at}" not in parts)
    stems = {path.rpartition(".")[0] for path in brought.recordings}
    has_list = any(
        is_list_name(PurePosixPath(path).name)
        or (may_be_list(PurePosixPath(path).name) and path.rpartition(".")[0] not in stems)
        for path in brought.texts
    )
    named: dict[str, str] = {}
    for path in fresh:
        stem = path.rpartition(".")[0]
        others = {_stem(one).casefold() for one in fresh if one.rpartition(".")[0] != stem}
        used = taken | others | {PurePosixPath(one).name.casefold() for one in named.values()}
        named.setdefault(stem, stem if has_list else _free(stem, used, number))
    left_out = stems - named.keys()
    for path in (*fresh, *brought.texts):
        stem = _owner(path, stems)
        if stem not in left_out:
            yield _Copied(new / path, f"set-{number}/{named.get(stem, stem)}{path[len(stem) :]}")


def _owner(path: str, stems: Collection[str]) -> str:
    """The recording, without its ending, whose name a file begins with: `a` of `a.en.srt`; else its own."""
    ends = [at for at, character in enumerate(path) if character == "."]
    return next((path[:at] for at in reversed(ends) if path[:at] in stems), path)


def _free(stem: str, used: Collection[str], number: int) -> str:
    """A recording's path without its ending, of a name that no other recording has."""
    folder, slash, name = stem.rpartition("/")
    names = (name, *(f"{name}-{at}" for at in range(number, number + len(used) + 1)))
    return f"{folder}{slash}{next(one for one in names if one.casefold() not in used)}"


def _stem(path: str) -> str:
    return PurePosixPath(path).name.rpartition(".")[0]


def _copy(files: Collection[_Copied], folder: Path, own: Path) -> None:
    copied = [one for one in files if not one.source.is_relative_to(own)]
    n_bytes = sum(one.source.stat().st_size for one in copied)
    folder.parent.mkdir(parents=True, exist_ok=True)
    space.require(folder.parent, n_bytes, "copies of the recordings")
    with writing(folder, "copies of the recordings"):
        for one in files:
            place = folder / one.path
            place.parent.mkdir(parents=True, exist_ok=True)
            if one.source.is_relative_to(own):
                os.link(one.source, place)
            else:
                shutil.copy2(one.source, place)
