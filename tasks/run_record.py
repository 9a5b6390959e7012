"""`runs/<voice>/run.json`: what was asked for a voice, how each stage went, what was begun."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NotRequired

from pydantic import Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, Name, RecordError
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.nearest import did_you_mean


@with_config(EXACT)
class RequestRecord(TypedDict):
    """What was asked for."""

    recordings: str
    voice: str
    preset: str | None
    config_file: str | None
    overrides: list[str]
    config_copy: NotRequired[Annotated[str, Field(pattern=r"^settings-[0-9a-f]{12}\.yaml$")]]
    """Name of the copy of `config_file` beside the record, which is read in its place."""


@with_config(EXACT)
class ComputedEntry(TypedDict):
    """How a stage went when it last computed something, which later runs that find it done leave as it is."""

    at: str
    """UTC, to the second; empty where an older version did not note it."""
    seconds: float
    reason: str
    rows_computed: int
    rows_total: int


@with_config(EXACT)
class StageEntry(TypedDict):
    """How a stage went the last time."""

    name: str
    status: str
    key: Name
    output_digest: str
    rows_total: int
    rows_computed: int
    rows_cached: int
    rejects: int
    warnings: list[str]
    seconds: float
    reason: str
    metrics: dict[str, float]
    notes: NotRequired[list[str]]
    computed: NotRequired[ComputedEntry]


@with_config(EXACT)
class RunRecord(TypedDict):
    """A voice's run record."""

    request: RequestRecord | None
    stages: dict[Name, StageEntry]
    begun: NotRequired[dict[Name, Name]]
    """Stage -> key of what was begun and is not finished."""


SHAPE = TypeAdapter(RunRecord)
SEEN = "night.json"
"""Beside it: what the voice's nights have seen."""


def last_computed(entry: StageEntry | None) -> ComputedEntry | None:
    """How the stage went when it last computed something; None where that was never, or is not known."""
    if entry is None:
        return None
    if "computed" in entry:
        return entry["computed"]
    # Older versions noted the last run alone.
    return computed_now(entry, "") if entry["status"] == "computed" else None


def computed_now(entry: StageEntry, at: str) -> ComputedEntry:
    """What is kept of a stage that has just computed something."""
    return {
        "at": at,
        "seconds": entry["seconds"],
        "reason": entry["reason"],
        "rows_computed": entry["rows_computed"],
        "rows_total": entry["rows_total"],
    }


def run_path(workspace: Path, voice: str) -> Path:
    """Where a voice's run record lies."""
    return workspace / "runs" / voice / "run.json"


def read_run(workspace: Path, voice: str) -> RunRecord:
    """What was asked for and how each stage went the last time; empty for a new voice.

    Raises:
        UserError: the record cannot be believed.
    """
    path = run_path(workspace, voice)
    try:
        return records.read_file(path, SHAPE) or _empty()
    except RecordError as error:
        raise UserError(
            f"{path}: {error}; run `voicewright finetune RECORDINGS --voice {voice}` as the last time, which "
            "writes it anew (what is finished is not repeated), or remove it if the voice is not wanted"
        ) from error


def known_run(workspace: Path, voice: str) -> RunRecord:
    """The same for a run, to which a record that cannot be believed is none: it writes it anew."""
    try:
        return read_run(workspace, voice)
    except UserError:
        return _empty()


def write_run(workspace: Path, voice: str, run: RunRecord) -> None:
    """Write it, whole or not at all."""
    write_atomically(run_path(workspace, voice), records.encode(run, indent=1))


def voices(workspace: Path) -> list[str]:
    """Names of the voices that were ever run in this workspace."""
    return sorted(path.parent.name for path in (workspace / "runs").glob("*/run.json"))


def unknown_voice(workspace: Path, voice: str) -> UserError:
    """The error about a voice that there is not: which there are, and which was probably meant."""
    names = voices(workspace)
    known = ", ".join(names) or "none yet"
    hint = did_you_mean(voice, names)
    return UserError(f"voice: there is no {voice!r} in {workspace} (known: {known}){hint}")


def _empty() -> RunRecord:
    return {"request": None, "stages": {}}
