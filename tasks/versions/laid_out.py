"""A version's files out of the store: read one by one, or laid out as a folder."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from artifacts import manifest as manifests
from artifacts.records import RecordError
from artifacts.store import BlobRef, Store
from configs.errors import UserError
from tasks.versions.record import VersionEntry
from tasks.voice_records import workspace_gate

PUBLISHED = ("export", "report")
"""Stages whose files make up the folder; their results in the store are what a version is kept by."""


def version_folder(workspace: Path, voice: str, number: int) -> Path:
    """Where a version that is not champion is laid out."""
    return workspace / "versions" / voice / str(number)


def version_file(store: Store, voice: str, entry: VersionEntry, name: str) -> bytes:
    """One of a version's exported files.

    Raises:
        UserError: it is damaged or gone.
    """
    ref = _files(store, voice, entry, "export").get(name)
    if ref is None:
        raise UserError(_damaged(voice, entry, "export", f"it has no {name}"))
    return store.read(ref)


def version_files(store: Store, voice: str, entry: VersionEntry) -> list[str]:
    """Names of a version's exported files.

    Raises:
        UserError: its record is damaged or gone.
    """
    return sorted(_files(store, voice, entry, "export"))


def place(store: Store, workspace: Path, voice: str, entry: VersionEntry, target: Path) -> None:
    """Copy a version's files out of the store; the folder is never seen half, only for a moment not at all.

    Raises:
        UserError: a result is damaged or gone.
    """
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    # A clean-up would take the unfinished folder for one that a killed run left.
    with store.gate().shared(), workspace_gate(workspace).shared():
        fresh.mkdir(parents=True)
        try:
            for stage in PUBLISHED:
                _copy(store, voice, entry, stage, fresh)
            old = target.with_name(f"{fresh.name}.old")
            if target.exists():
                target.rename(old)
            fresh.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            # There is none any more where all went well.
            shutil.rmtree(fresh, ignore_errors=True)


def link(store: Store, voice: str, entry: VersionEntry, folder: Path) -> None:
    """Let a folder hold links to a version's exported files in the store, which take no room.

    Raises:
        UserError: a result is damaged or gone.
    """
    for name, ref in _files(store, voice, entry, "export").items():
        path, target = folder / name, store.local_path(ref)
        if path.is_symlink() and path.readlink() == target:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        fresh.symlink_to(target)
        fresh.replace(path)


def _copy(store: Store, voice: str, entry: VersionEntry, stage: str, folder: Path) -> None:
    for name, ref in _files(store, voice, entry, stage).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.local_path(ref), path)


def _files(store: Store, voice: str, entry: VersionEntry, stage: str) -> dict[str, BlobRef]:
    try:
        made = manifests.checked(store, stage, entry["stages"][stage])
    except RecordError as error:
        raise UserError(_damaged(voice, entry, stage, str(error))) from error
    if made is None:
        raise UserError(_damaged(voice, entry, stage, "its record is gone"))
    return made.files


def _damaged(voice: str, entry: VersionEntry, stage: str, why: str) -> str:
    return (
        f"{voice}@{entry['number']}: its stage {stage} in the store cannot be used: {why}; speak with "
        f"another version (`voicewright versions {voice}`), or make it again from the recordings of then"
    )
