"""`runs/<voice>/versions.json`: what a voice has been, which of it is champion, and why.

A version is an export: the same files are the same version. Its number is never given again. The champion is
what `speak`, exports and servers use; every other version is kept until it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, Count, Name, RecordError, Sha256
from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.run_record import run_path

By = Literal["first", "gates", "hand", "rollback", "registry"]
"""Who made a version champion: nobody was before it, the gates, a person here, or a person in MLflow."""


@with_config(EXACT)
class VersionEntry(TypedDict):
    """One version."""

    number: Count
    made_at: str
    preset: str | None
    output: Sha256
    """Of the exported files."""
    stages: dict[Name, Name]
    """Stage -> key of what is kept of it."""
    hours: float
    """Speech that it learned from."""
    clips: Count
    metrics: dict[str, float]
    verdict: str
    """What it is worth, in words."""
    decision: str
    """What was decided about it, in words."""


@with_config(EXACT)
class ChangeRecord(TypedDict):
    """Another version became champion."""

    at: str
    champion: Count
    by: By
    why: str


@with_config(EXACT)
class VersionsRecord(TypedDict):
    """Everything about a voice's versions."""

    last: Count
    """Highest number that was ever given."""
    champion: Count | None
    registered: Count | None
    """Champion that MLflow was last told; another one there was chosen in its pages."""
    versions: list[VersionEntry]
    changes: list[ChangeRecord]


_SHAPE = TypeAdapter(VersionsRecord)


def versions_path(workspace: Path, voice: str) -> Path:
    """Where the record lies."""
    return run_path(workspace, voice).with_name("versions.json")


def read_versions(workspace: Path, voice: str) -> VersionsRecord:
    """A voice's versions; none for a new voice.

    Raises:
        UserError: the record cannot be believed.
    """
    path = versions_path(workspace, voice)
    try:
        found = records.read_file(path, _SHAPE)
    except RecordError as error:
        raise UserError(
            f"{path}: {error}; put back a copy of it, or move it away: the voice then starts at version 1 "
            "again, and what it spoke with last stays live until something better is made"
        ) from error
    return found or {"last": 0, "champion": None, "registered": None, "versions": [], "changes": []}


def write_versions(workspace: Path, voice: str, record: VersionsRecord) -> None:
    """Write it, whole or not at all."""
    write_atomically(versions_path(workspace, voice), records.encode(record, indent=1))


def now() -> str:
    """The time as records have it: UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def version_of(record: VersionsRecord, voice: str, number: int | None = None) -> VersionEntry:
    """A version by its number; the champion when left out.

    Raises:
        UserError: there is no such version.
    """
    wanted = record["champion"] if number is None else number
    for entry in record["versions"]:
        if entry["number"] == wanted:
            return entry
    if number is None:
        raise UserError(f"{voice}: has no version yet; `voicewright finetune` makes the first")
    known = ", ".join(str(entry["number"]) for entry in record["versions"]) or "none"
    raise UserError(f"{voice}@{number}: there is no such version; there are {known}")


def same_files(record: VersionsRecord, output: str) -> VersionEntry | None:
    """The version that was exported with exactly these files."""
    return next((entry for entry in record["versions"] if entry["output"] == output), None)


def promoted(record: VersionsRecord, number: int, by: By, why: str) -> VersionsRecord:
    """The record with another champion."""
    change: ChangeRecord = {"at": now(), "champion": number, "by": by, "why": why}
    return {**record, "champion": number, "changes": [*record["changes"], change]}


def champion_before(record: VersionsRecord, voice: str) -> int:
    """Which version was champion before the present one, rollbacks undone.

    Raises:
        UserError: none that is still there.
    """
    there = {entry["number"] for entry in record["versions"]}
    reigned: list[int] = []
    for change in record["changes"]:
        if change["by"] == "rollback" and change["champion"] in reigned:
            # The last of its reigns: what came before it can be gone back to as well.
            while reigned[-1] != change["champion"]:
                reigned.pop()
        elif not reigned or reigned[-1] != change["champion"]:
            reigned.append(change["champion"])
    for number in reversed(reigned):
        if number != record["champion"] and number in there:
            return number
    raise UserError(f"{voice}: there is no earlier champion to go back to; `voicewright versions {voice}`")


def without(record: VersionsRecord, voice: str, number: int) -> VersionsRecord:
    """The record without a version.

    Raises:
        UserError: there is none, or it is the champion.
    """
    version_of(record, voice, number)
    if number == record["champion"]:
        raise UserError(
            f"{voice}@{number}: is the champion, which speaks; promote another first, or delete the whole "
            f"voice with `voicewright delete {voice}`"
        )
    kept = [entry for entry in record["versions"] if entry["number"] != number]
    return {**record, "versions": kept}


def challengers(record: VersionsRecord) -> Iterator[VersionEntry]:
    """Versions that are newer than the champion."""
    champion = record["champion"] or 0
    return (entry for entry in record["versions"] if entry["number"] > champion)
