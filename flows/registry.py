"""A voice's versions in MLflow's registry: told when something changes here, and heard when it changed there.

The registry's aliases `champion` and `challenger` stand on the versions that are live and newest. A champion
that somebody chose in MLflow's pages is taken over by the next command that changes or lists versions.
"""

from __future__ import annotations

from pathlib import Path

from artifacts.store import Store
from artifacts.tracking import CHALLENGER, CHAMPION, Tracker
from tasks.versions.folders import champion_folder
from tasks.versions.laid_out import place
from tasks.versions.record import (
    VersionsRecord,
    promoted,
    read_versions,
    same_files,
    version_of,
    write_versions,
)


def take_over(tracker: Tracker, workspace: Path, store: Store, voice: str) -> str | None:
    """Make champion here what somebody made champion in MLflow's pages; what happened, in words.

    To be called by whoever holds the voice.

    Raises:
        TrackingError: MLflow cannot be used.
        UserError: the version's files are damaged.
    """
    record = read_versions(workspace, voice)
    if record["champion"] is None or record["registered"] != record["champion"]:
        # What changed here and could not be told there yet goes before.
        return None
    chosen = tracker.aliases(voice).get(CHAMPION)
    entry = same_files(record, chosen) if chosen is not None else None
    if entry is None or entry["number"] == record["champion"]:
        return None
    why = "chosen in MLflow"
    record = {**promoted(record, entry["number"], "registry", why), "registered": entry["number"]}
    place(store, workspace, voice, entry, champion_folder(workspace, voice))
    write_versions(workspace, voice, record)
    return f"version {entry['number']} is live: {why}"


def tell(tracker: Tracker, workspace: Path, voice: str) -> None:
    """Let the registry's aliases and descriptions say what the record says.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    record = read_versions(workspace, voice)
    champion = version_of(record, voice)
    newest = max(record["versions"], key=lambda entry: entry["number"])
    for entry in {one["number"]: one for one in (champion, newest)}.values():
        tracker.describe(voice, entry["output"], description(record, entry["number"], voice))
    challenger = newest["output"] if newest is not champion else None
    if tracker.point(voice, {CHAMPION: champion["output"], CHALLENGER: challenger}):
        write_versions(workspace, voice, {**record, "registered": champion["number"]})


def description(record: VersionsRecord, number: int, voice: str) -> str:
    """A version in a few lines, for MLflow's pages."""
    entry = version_of(record, voice, number)
    state = "live" if number == record["champion"] else "not live"
    return (
        f"{voice}@{number}: {entry['verdict'] or 'not judged'}\n\n"
        f"{state.capitalize()}: {entry['decision'] or 'nothing was decided'}.\n\n"
        f"Preset {entry['preset'] or 'none'}, {60 * entry['hours']:.1f} minutes of speech in "
        f"{entry['clips']} clips, made {entry['made_at']}."
    )
