"""The folders that versions speak from: `voices/<name>` is the champion's, others are laid out on demand."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from artifacts import manifest as manifests
from artifacts.records import RecordError
from artifacts.store import BlobRef, Store
from configs.errors import UserError
from tasks.versions.record import VersionEntry, read_versions, version_of
from tasks.voice import check_name, open_store, remembered
from tasks.voice_records import workspace_gate

PUBLISHED = ("export", "report")
"""Stages whose files make up the folder; their results in the store are what a version is kept by."""


def split_name(given: str) -> tuple[str, int | None]:
    """`anna@3` -> the voice and the version's number; None without one.

    Raises:
        UserError: what follows the @ is no number, or the voice's name is none.
    """
    voice, at, number = given.partition("@")
    if at and not (number.isascii() and number.isdecimal()):
        raise UserError(f"{given}: after the @ stands a version's number, as in {voice or 'anna'}@3")
    return check_name(voice), int(number) if at else None


def champion_folder(workspace: Path, voice: str) -> Path:
    """Where the champion's files are, whether there is one or not."""
    return workspace / "voices" / check_name(voice)


def folder_of(workspace: Path, given: str) -> Path:
    """The folder of a voice (its champion) or of one version, which is laid out first where it is not.

    Raises:
        UserError: there is no such voice or version, or its results are damaged.
    """
    voice, number = split_name(given)
    if number is None:
        return champion_folder(workspace, voice)
    record = read_versions(workspace, voice)
    entry = version_of(record, voice, number)
    if number == record["champion"]:
        return champion_folder(workspace, voice)
    target = workspace / "versions" / voice / str(number)
    if not target.is_dir():
        store = open_store(workspace, remembered(workspace, voice).resolve().settings)
        place(store, workspace, voice, entry, target)
    return target


def version_file(store: Store, voice: str, entry: VersionEntry, name: str) -> bytes:
    """One of a version's exported files.

    Raises:
        UserError: it is damaged or gone.
    """
    ref = _files(store, voice, entry, "export").get(name)
    if ref is None:
        raise UserError(_damaged(voice, entry, "export", f"it has no {name}"))
    return store.read(ref)


def place(store: Store, workspace: Path, voice: str, entry: VersionEntry, target: Path) -> None:
    """Copy a version's files out of the store; the folder is seen whole, old or new.

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
