"""The recordings folder as rows: which recordings there are, what they say and who speaks.

Nothing is decoded here. A row depends on names, contents and settings alone: moving the folder or
touching a file changes none.
"""

from __future__ import annotations

import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from artifacts import digest
from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus import parquet
from tasks.corpus.digests import DigestCache
from tasks.corpus.matching import NAMED_FIRST, Transcript, few, match, refused_text
from tasks.corpus.speakers import Located, safe_name, speakers_of
from tasks.corpus.transcripts import (
    BadLine,
    Entry,
    ListError,
    Listing,
    file_name,
    is_list_name,
    looks_like_list,
    read_list,
    read_sidecar,
)
from tasks.corpus.walk import Found, recording_ids, shown, walk
from tasks.outcome import Reject, reject

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class ScanResult:
    """The folder's recordings.

    Attributes:
        rows: sorted by path; see `scan_recordings`.
        rejects: what can not be used, and why.
        warnings: what the user should know.
    """

    rows: Sequence[dict[str, Any]]
    rejects: Sequence[Reject]
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Item:
    path: str
    digest: str
    transcript: Transcript | None
    member: int | None = None


@dataclass
class _Scan:
    root: Path
    settings: CorpusSettings
    digests: DigestCache
    items: list[_Item] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    """Recordings that some other set's list tries to reach by climbing, suffix or not."""
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def scan_recordings(root: Path, settings: CorpusSettings, digest_cache: Path) -> ScanResult:
    """Look through a recordings folder.

    Each row holds recording_id, source_path (inside the folder), source_digest (SHA-256), text, speaker,
    language, transcript_source (None where unknown), member (row number inside a Parquet file) and
    location, the absolute path, which is no part of the recording's identity.

    Args:
        root: the folder.
        settings: `corpus` of the settings.
        digest_cache: file that remembers digests of files whose size, time and inode have not changed.

    Raises:
        UserError: the folder is absent, holds nothing usable, or a setting does not fit it.
    """
    if not root.is_dir():
        raise UserError(f"recordings: {root} is no folder; name the folder that holds the recordings")
    root = root.resolve()
    found = walk(root)
    scan = _Scan(root, settings, DigestCache(digest_cache, root))
    scan.rejects += found.rejects
    scan.warnings += found.warnings
    for folder, lists, recordings in _sets(scan, found):
        _scan_set(scan, folder, lists, recordings, found)
    scan.digests.save()
    _leave_out_claimed(scan)
    scan.items.sort(key=lambda item: os.fsencode(item.path))
    rows = _rows(scan)
    if not rows:
        raise UserError(_nothing(root, scan.rejects))
    _warn_of_copies(scan)
    return ScanResult(rows, scan.rejects, scan.warnings)


# -- sets: a folder with transcript lists and the recordings under it


def _sets(scan: _Scan, found: Found) -> list[tuple[str, list[Path], list[str]]]:
    """`(folder, lists, recordings)`; a recording belongs to the nearest folder that has lists."""
    lists: dict[str, list[Path]] = defaultdict(list)
    if scan.settings.metadata is not None:
        given = Path(scan.settings.metadata).expanduser()
        if not given.is_file():
            raise UserError(f"corpus.metadata: {given} is no file; name a transcript list")
        inside = given.resolve()
        if inside.suffix.lower() == ".parquet" and not inside.is_relative_to(scan.root):
            raise UserError(
                f"corpus.metadata: {given} lies outside {scan.root}; a Parquet file may hold recordings, so "
                "put it into the recordings folder"
            )
        lists[""].append(inside if inside.is_relative_to(scan.root) else given)
    elif scan.settings.transcripts == "auto":
        stems = {path.rpartition(".")[0] for path in found.recordings}
        for path in found.texts:
            if _is_list(scan, path, stems):
                lists[_home(path, found.recordings)].append(scan.root / path)
    grouped: dict[str, list[str]] = {folder: [] for folder in lists}
    for path in found.recordings:
        parents = (("" if str(p) == "." else str(p)) for p in PurePosixPath(path).parents)
        home = next((folder for folder in parents if folder in lists), "")
        grouped.setdefault(home, []).append(path)
    return [(folder, lists.get(folder, []), names) for folder, names in sorted(grouped.items())]


def _is_list(scan: _Scan, path: str, stems: set[str]) -> bool:
    if is_list_name(path.rpartition("/")[2]):
        return True
    if not path.lower().endswith(".txt") or path.rpartition(".")[0] in stems:
        return False
    try:
        return looks_like_list(scan.root / path)
    except OSError:
        return False


def _home(path: str, recordings: Sequence[str]) -> str:
    """The folder that a list speaks for: its own, or the nearest above that holds recordings."""
    folder = path.rpartition("/")[0]
    if path.lower().endswith(".parquet"):
        return folder
    while folder and not any(name.startswith(f"{folder}/") for name in recordings):
        folder = folder.rpartition("/")[0]
    return folder


def _scan_set(
    scan: _Scan, folder: str, lists: Sequence[Path], recordings: Sequence[str], found: Found
) -> None:
    inside = {path[len(folder) + 1 if folder else 0 :]: path for path in recordings}
    listings, usable = [], not lists
    for file in lists:
        try:
            if file.suffix.lower() == ".parquet":
                listings += _scan_parquet(scan, file)
            else:
                listings.append(read_list(file, scan.settings.encoding))
            usable = True
        except (ListError, OSError) as error:
            scan.rejects.append(_refused_list(folder, file, error))
    if not usable:
        return
    matched = match(f"{shown(folder)}/" if folder else "", listings, list(inside))
    scan.rejects += matched.rejects
    scan.warnings += matched.warnings
    for reference in matched.climbing:
        bases = (posixpath.join(folder, base, reference.replace("\\", "/")) for base in NAMED_FIRST)
        scan.claimed.update(posixpath.normpath(base) for base in bases)
    untold = []
    for name, path in inside.items():
        if name in matched.left_out:
            continue
        try:
            transcript = matched.transcripts.get(name) or _sidecar(scan, path, found)
            item = _Item(path, scan.digests.of(path), transcript)
        except (ListError, OSError) as error:
            scan.rejects.append(_refused_file(path, error))
            continue
        scan.items.append(item)
        if item.transcript is None:
            untold.append(shown(name))
    if untold and listings:
        scan.warnings.append(
            f"{shown(folder) or '.'}: no_transcript: {len(untold)} recordings have no row and will be "
            f"transcribed by speech recognition: {few(untold)}"
        )


def _scan_parquet(scan: _Scan, path: Path) -> list[Listing]:
    """Take the recordings inside a Parquet file; a listing of those that it only names, and of bad rows."""
    relative = path.relative_to(scan.root).as_posix()
    outside: list[Entry] = []
    bad_rows: list[BadLine] = []
    taken: list[_Item] = []
    named: set[str] = set()
    for member in parquet.members(path):
        if isinstance(member, BadLine):
            bad_rows.append(member)
            continue
        if member.data is None:
            outside.append(member.entry)
            continue
        name = f"{relative}/{_member_name(path, member, named)}"
        said = member.entry
        refusal = refused_text(shown(name), said.text, f"{relative}, row {member.number}")
        if refusal is not None:
            scan.rejects.append(refusal)
            continue
        transcript = Transcript(said.text, said.speaker, said.language, "huggingface")
        content = digest.of_bytes(member.data)
        taken.append(_Item(name, content, transcript, member.number))
    scan.items += taken
    return [Listing(file_name(path), "huggingface", outside, bad_rows)] if outside or bad_rows else []


def _member_name(path: Path, member: parquet.Member, named: set[str]) -> str:
    """A name of its own inside the file: what the row calls it, or a number where that is no name."""
    name = PurePosixPath(member.entry.reference).name
    if not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARACTERS or name == ".." or name in named:
        name = f"{path.stem}-{member.number:06d}"
    while name in named:
        name = f"_{name}"
    named.add(name)
    return name


def _sidecar(scan: _Scan, path: str, found: Found) -> Transcript | None:
    """Text in a file beside the recording, under the same name."""
    if scan.settings.transcripts == "none" or scan.settings.metadata is not None:
        return None
    stem = path.rpartition(".")[0]
    for suffix in (".normalized.txt", ".lab", ".txt"):
        beside = found.text_named(f"{stem}{suffix}")
        if beside is not None:
            text = read_sidecar(scan.root / beside, scan.settings.encoding)
            if not text:
                raise ListError(
                    "empty_text", "", f"{shown(beside)} is empty", "write the text, or remove the file"
                )
            refusal = refused_text(path, text, shown(beside))
            if refusal is not None:
                raise ListError(refusal.code, refusal.value, refusal.reason, refusal.remedy)
            return Transcript(text, None, None, "sidecar")
    return None


def _leave_out_claimed(scan: _Scan) -> None:
    """A recording without a text of its own, that another set's list claims, belongs to neither."""
    kept = []
    for item in scan.items:
        names = {item.path, str(PurePosixPath(item.path).with_suffix(""))}
        if item.transcript is not None or not names & scan.claimed:
            kept.append(item)
            continue
        why = "a transcript list in another folder claims it by an id that climbs out of that folder"
        scan.rejects.append(
            reject(shown(item.path), "bad_id", "path", shown(item.path), why, "correct that list")
        )
    scan.items = kept


# -- rows


def _rows(scan: _Scan) -> list[dict[str, Any]]:
    ids = recording_ids([item.path for item in scan.items])
    speakers = _speakers(scan)
    rows = []
    for item, recording_id, speaker in zip(scan.items, ids, speakers, strict=True):
        said = item.transcript
        stored = item.path if item.member is None else item.path.rpartition("/")[0]
        language = said.language if said is not None else None
        if language is None and scan.settings.language != "auto":
            language = scan.settings.language
        rows.append(
            {
                "recording_id": recording_id,
                "location": str(scan.root / stored),
                "member": item.member,
                "source_path": shown(item.path),
                "source_digest": item.digest,
                "text": None if said is None else said.text,
                "speaker": speaker,
                "language": language,
                "transcript_source": "none" if said is None else said.source,
            }
        )
    return rows


def _speakers(scan: _Scan) -> list[str]:
    choice = scan.settings.speaker
    named: list[str | None] = [
        item.transcript.speaker if item.transcript is not None else None for item in scan.items
    ]
    if choice != "auto":
        named = [None] * len(named)
    nameless = [at for at, name in enumerate(named) if name is None]
    located = [
        Located(PurePosixPath(scan.items[at].path).parts[:-1], PurePosixPath(scan.items[at].path).stem)
        for at in nameless
    ]
    try:
        guessed = dict(zip(nameless, speakers_of(located, choice), strict=True))
    except ValueError as error:
        raise UserError(
            f"corpus.speaker: {choice!r} does not fit: {error}; rename it, or set corpus.speaker to auto "
            "or to the speaker's name"
        ) from error
    speakers = [guessed[at] if name is None else safe_name(name) for at, name in enumerate(named)]
    several = sorted(set(guessed.values()))
    if choice == "auto" and len(several) > 1:
        scan.warnings.append(
            f"{len(several)} speakers by folder or name: {few(several)}; if it is one person, set "
            "corpus.speaker to their name"
        )
    return speakers


def _warn_of_copies(scan: _Scan) -> None:
    copies = Counter(item.digest for item in scan.items)
    repeated = [shown(item.path) for item in scan.items if copies[item.digest] > 1]
    if repeated:
        scan.warnings.append(f"{len(repeated)} recordings are copies of another: {few(repeated)}")


def _refused_list(folder: str, path: Path, error: ListError | OSError) -> Reject:
    name = shown(f"{folder}/{path.name}" if folder else path.name)
    if isinstance(error, OSError):
        said = f"{file_name(path)} cannot be read: {error.strerror}"
        return reject(name, "bad_metadata", "list", "", said, "correct its permissions")
    return reject(name, error.code, "list", error.value, error.reason, error.remedy)


def _refused_file(path: str, error: ListError | OSError) -> Reject:
    name = shown(path)
    if isinstance(error, OSError):
        return reject(
            name, "unreadable", "path", name, f"cannot be read: {error.strerror}", "correct its permissions"
        )
    return reject(name, error.code, "text", error.value, error.reason, error.remedy)


def _nothing(root: Path, rejects: Sequence[Reject]) -> str:
    if not rejects:
        return (
            f"recordings: {root} holds no recordings; put WAV, FLAC, MP3, OGG, Opus, M4A, AAC or WebM "
            "files there"
        )
    first = rejects[0]
    more = f" (and {len(rejects) - 1} more)" if len(rejects) > 1 else ""
    return (
        f"recordings: nothing in {root} can be used: {first.row_id}: {first.code}: {first.reason}{more}; "
        f"{first.remedy}"
    )
