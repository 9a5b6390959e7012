"""The recordings folder as rows: which recordings there are, what they say and who speaks.

Nothing is decoded here. A row depends on names, contents and settings alone: moving the folder or
touching a file changes none.
"""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from artifacts import digest
from configs.corpus import CorpusSettings
from configs.errors import UserError
from tasks.corpus.digests import DigestCache
from tasks.corpus.lists import parquet_rows
from tasks.corpus.lists.columns import Trust
from tasks.corpus.lists.entries import BadLine, Entry, ListError, Listing, file_name
from tasks.corpus.lists.names import AUDIO_SUFFIXES, Recordings, sounds_like_list, split_named
from tasks.corpus.lists.reading import read_list
from tasks.corpus.matching import NAMED_FIRST, Transcript, few, match, refused_text
from tasks.corpus.sets import RecordingSet, sets_of
from tasks.corpus.sidecars import Sidecars, found_alone
from tasks.corpus.speakers import Located, safe_name, speakers_of
from tasks.corpus.unread import sounds_not_read, texts_not_used
from tasks.corpus.walk import recording_ids, shown, walk
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
    split: str | None = None


@dataclass
class _Scan:
    root: Path
    settings: CorpusSettings
    digests: DigestCache
    sidecars: Sidecars
    is_one: bool
    """Whether it is a single recording, which its lists may speak of beside others."""
    used: set[str] = field(default_factory=set)
    """Lists that were read or refused, by their paths inside the folder."""
    items: list[_Item] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    """Recordings that some other set's list tries to reach by climbing, suffix or not."""
    rejects: list[Reject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def scan_recordings(place: Path, settings: CorpusSettings, digest_cache: Path) -> ScanResult:
    """Look through a recordings folder, or at a single recording and the texts of its name.

    Each row holds recording_id, source_path (inside the folder), source_digest (SHA-256), text, speaker,
    language, transcript_source (None where unknown), split (train, validation or test, where a list's name
    says so, else None), cuts (stretches with texts of their own, or None), member (row number inside a
    Parquet file) and location, the absolute path, which is no part of the recording's identity.

    Args:
        place: the folder, a recording, or a Parquet file with recordings.
        settings: `corpus` of the settings.
        digest_cache: file that remembers digests of files whose size, time and inode have not changed.

    Raises:
        UserError: it is absent, holds nothing usable, or a setting does not fit it.
    """
    is_file = place.is_file()
    if not is_file and not place.is_dir():
        raise UserError(
            f"recordings: {place} is no folder and no file; name the folder that holds the recordings, or "
            "one recording"
        )
    root = place.parent.resolve() if is_file else place.resolve()
    found = found_alone(root / place.name) if is_file else walk(root)
    is_one = is_file and bool(found.recordings)
    digests = DigestCache(digest_cache, root, sees_all=not is_file)
    scan = _Scan(root, settings, digests, Sidecars(root, settings, found), is_one)
    scan.rejects += found.rejects
    scan.warnings += found.warnings
    for one in sets_of(root, settings, found):
        _scan_set(scan, one)
    scan.digests.save()
    _leave_out_claimed(scan)
    scan.items.sort(key=lambda item: os.fsencode(item.path))
    rows = _rows(scan)
    unread = sounds_not_read(root, found.others)
    if not rows:
        raise UserError(_nothing(place, scan.rejects, unread))
    scan.warnings += unread
    if settings.transcripts == "auto" and settings.metadata is None:
        scan.warnings += texts_not_used(root, found, scan.used | scan.sidecars.used)
    _warn_of_copies(scan)
    _tell_division(scan)
    return ScanResult(rows, scan.rejects, scan.warnings)


def check_not_empty(place: Path) -> None:
    """See that there is anything at all, without a look into it.

    Raises:
        UserError: the folder holds no file.
    """
    if place.is_dir() and not any(names for _, _, names in os.walk(place)):
        raise UserError(_nothing(place, (), ()))


# -- one set


def _scan_set(scan: _Scan, one: RecordingSet) -> None:
    folder = one.folder
    inside = {path[len(folder) + 1 if folder else 0 :]: path for path in one.recordings}
    recordings = Recordings(inside)
    listings = _read_lists(scan, folder, one.lists, recordings)
    others = _read_others(scan, folder, one.others, recordings, bool(listings))
    if others is None or (listings is None and not others):
        return
    matched = match(f"{shown(folder)}/" if folder else "", listings or [], list(inside), others)
    # A list that was named for a single recording may be that of all its neighbours.
    scan.rejects += [one for one in matched.rejects if not (scan.is_one and one.code == "no_audio")]
    scan.warnings += matched.warnings
    for reference in matched.climbing:
        bases = (posixpath.join(folder, base, reference.replace("\\", "/")) for base in NAMED_FIRST)
        scan.claimed.update(posixpath.normpath(base) for base in bases)
    untold = []
    for name, path in inside.items():
        if name in matched.left_out:
            continue
        try:
            transcript = matched.transcripts.get(name) or scan.sidecars.of(path)
            item = _Item(path, scan.digests.of(path), transcript, split=matched.splits.get(name))
        except (ListError, OSError) as error:
            scan.rejects.append(_refused_file(path, error))
            continue
        scan.items.append(item)
        if item.transcript is None:
            untold.append(shown(name))
    if untold and (listings or others):
        scan.warnings.append(
            f"{shown(folder) or '.'}: no_transcript: {len(untold)} recordings have no row and will be "
            f"transcribed by speech recognition: {few(untold)}"
        )


def _read_lists(
    scan: _Scan, folder: str, files: Sequence[Path], recordings: Recordings
) -> list[Listing] | None:
    """The set's lists that can be used; None where it has some, and none can."""
    listings: list[Listing] = []
    usable = not files
    for file in files:
        _mark_used(scan, file)
        try:
            if file.suffix.lower() == ".parquet":
                listings += _scan_parquet(scan, file)
            else:
                listings.append(read_list(file, scan.settings.encoding, recordings, scan.settings.columns))
            usable = True
        except (ListError, OSError) as error:
            scan.rejects.append(_refused_list(folder, file, error))
    return listings if usable else None


def _read_others(
    scan: _Scan, folder: str, files: Sequence[Path], recordings: Recordings, is_told: bool
) -> list[Listing] | None:
    """Lists that are so by their content; None where all are in doubt."""
    listings = []
    doubtful = []
    for file in files:
        _mark_used(scan, file)
        trust = Trust.LIKELY if sounds_like_list(file.name) else Trust.UNKNOWN
        try:
            found = read_list(file, scan.settings.encoding, recordings, scan.settings.columns, trust)
            listings.append(found)
        except (ListError, OSError) as error:
            refusal = _refused_list(folder, file, error)
            # What is in another encoding names recordings all the same: it is a list, whatever it is called.
            is_doubtful = trust is Trust.LIKELY or refusal.code == "encoding"
            if is_told or refusal.code == "no_text" or not is_doubtful:
                scan.warnings.append(f"not used: {refusal.reason}; {refusal.remedy}")
            else:
                doubtful.append(refusal)
    scan.rejects += doubtful
    return listings if listings or not doubtful else None


def _mark_used(scan: _Scan, file: Path) -> None:
    if file.is_relative_to(scan.root):
        scan.used.add(file.relative_to(scan.root).as_posix())


def _scan_parquet(scan: _Scan, path: Path) -> list[Listing]:
    """Take the recordings inside a Parquet file; a listing of those that it only names, and of bad rows."""
    relative = path.relative_to(scan.root).as_posix()
    split = split_named(path.name, relative.rpartition("/")[0])
    outside: list[Entry] = []
    bad_rows: list[BadLine] = []
    taken: list[_Item] = []
    named: set[str] = set()
    for member in parquet_rows.members(path):
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
        taken.append(_Item(name, content, transcript, member.number, split))
    scan.items += taken
    return [Listing(file_name(path), "huggingface", outside, bad_rows)] if outside or bad_rows else []


def _member_name(path: Path, member: parquet_rows.Member, named: set[str]) -> str:
    """A name of its own inside the file: what the row calls it, or a number where that is no name."""
    name = PurePosixPath(member.entry.reference).name
    if not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARACTERS or name == ".." or name in named:
        name = f"{path.stem}-{member.number:06d}"
    while name in named:
        name = f"_{name}"
    named.add(name)
    return name


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
        rows.append(
            {
                "recording_id": recording_id,
                "location": str(scan.root / stored),
                "member": item.member,
                "source_path": shown(item.path),
                "source_digest": item.digest,
                "text": None if said is None else said.text,
                "cuts": None if said is None else _cuts(said),
                "speaker": speaker,
                "language": _language(said, scan.settings.language),
                "split": item.split,
                "transcript_source": "none" if said is None else said.source,
            }
        )
    return rows


def _language(said: Transcript | None, setting: str) -> str | None:
    """The list's, else the setting's; of one language the setting's where that names a region."""
    listed = said.language if said is not None else None
    if listed is None:
        return None if setting == "auto" else setting
    base, _, region = setting.partition("-")
    return setting if region and listed.partition("-")[0] == base else listed


def _cuts(said: Transcript) -> list[dict[str, Any]] | None:
    if said.cuts is None:
        return None
    named = (cut._replace(speaker=safe_name(cut.speaker) if cut.speaker else None) for cut in said.cuts)
    return [cut._asdict() for cut in named]


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


def _tell_division(scan: _Scan) -> None:
    counts = Counter(item.split for item in scan.items)
    held_out = [f"{counts[split]} for {split}" for split in ("validation", "test") if counts[split]]
    if held_out:
        scan.warnings.append(
            f"the division of your lists: {' and '.join(held_out)} by their names, of {len(scan.items)} "
            "recordings; features.shard.given_splits=false divides anew"
        )


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


def _nothing(place: Path, rejects: Sequence[Reject], unread: Sequence[str]) -> str:
    if not rejects and place.is_file():
        kinds = ", ".join(sorted(AUDIO_SUFFIXES))
        return f"recordings: {place} is no recording that is read: its name has none of the endings {kinds}"
    if not rejects and unread:
        return f"recordings: {place} holds no recordings that are read: {unread[0]}"
    if not rejects:
        return (
            f"recordings: {place} holds no recordings; put WAV, FLAC, MP3, OGG, Opus, M4A, AAC or WebM "
            "files there"
        )
    first = rejects[0]
    more = f" (and {len(rejects) - 1} more)" if len(rejects) > 1 else ""
    return (
        f"recordings: nothing in {place} can be used: {first.row_id}: {first.code}: {first.reason}{more}; "
        f"{first.remedy}"
    )
