"""A voice's versions in MLflow's registry: told when something changes here, and heard when it changed there.

The registry's aliases `champion` and `challenger` stand on the versions that are live and newest. A champion
that somebody chose in MLflow's pages is taken over by the next command that changes or lists versions.
"""

from __future__ import annotations

from pathlib import Path

from artifacts.store import Store
from artifacts.voice_registry import CHALLENGER, CHAMPION, VoiceRegistry
from tasks.versions.folders import champion_folder
from tasks.versions.laid_out import place
from tasks.versions.record import (
    VersionEntry,
    VersionsRecord,
    promoted,
    read_versions,
    same_files,
    version_of,
    write_versions,
)

HEADLINES = {
    "word_error_rate": "words misheard",
    "character_error_rate": "characters misheard",
    "independent_similarity": "similarity",
    "speaker_similarity": "similarity",
    "dnsmos": "naturalness",
    "distillmos": "DistillMOS",
}
"""Metrics of what a voice says that tell most of it, and what people call them."""
_SPOKEN = ("sentences", "text")
"""Ways of speaking that listeners get, the one with more sentences first."""


def take_over(registry: VoiceRegistry, workspace: Path, store: Store, voice: str) -> str | None:
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
    chosen = registry.aliases(voice).get(CHAMPION)
    entry = same_files(record, chosen) if chosen is not None else None
    if entry is None or entry["number"] == record["champion"]:
        return None
    why = "chosen in MLflow"
    record = {**promoted(record, entry["number"], "registry", why), "registered": entry["number"]}
    place(store, workspace, voice, entry, champion_folder(workspace, voice))
    write_versions(workspace, voice, record)
    return f"version {entry['number']} is live: {why}"


def tell(registry: VoiceRegistry, workspace: Path, voice: str) -> None:
    """Let the registry's aliases and descriptions say what the record says.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    record = read_versions(workspace, voice)
    champion = version_of(record, voice)
    newest = max(record["versions"], key=lambda entry: entry["number"])
    for entry in record["versions"]:
        said = description(record, entry["number"], voice)
        registry.describe(voice, entry["output"], said, in_lists(entry))
    registry.describe_voice(voice, voice_description(record, voice))
    challenger = newest["output"] if newest is not champion else None
    if registry.point(voice, {CHAMPION: champion["output"], CHALLENGER: challenger}):
        write_versions(workspace, voice, {**record, "registered": champion["number"]})


def headlines(entry: VersionEntry) -> dict[str, str]:
    """The measures that tell most of a version, by what people call them."""
    found = {}
    for metric, name in HEADLINES.items():
        values = (entry["metrics"].get(f"{path}/{metric}") for path in _SPOKEN)
        value = next((value for value in values if value is not None), None)
        if value is not None and name not in found:
            found[name] = f"{value:.2f}"
    return found


def in_lists(entry: VersionEntry) -> dict[str, str]:
    """What stands beside a version where MLflow lists versions."""
    return {
        "preset": entry["preset"] or "none",
        "minutes": f"{60 * entry['hours']:.1f}",
        **{name.replace(" ", "_"): value for name, value in headlines(entry).items()},
    }


def description(record: VersionsRecord, number: int, voice: str) -> str:
    """A version in a few lines of Markdown, for MLflow's pages: first its verdict, which lists show plain."""
    entry = version_of(record, voice, number)
    state = "live" if number == record["champion"] else "not live"
    facts = {
        "preset": entry["preset"] or "none",
        "learned from": f"{60 * entry['hours']:.1f} min in {entry['clips']} clips",
        "made": entry["made_at"],
        **headlines(entry),
    }
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in facts.items())
    return (
        f"{voice}@{number}: {entry['verdict'] or 'not judged'}\n\n"
        f"{state.capitalize()}: {entry['decision'] or 'nothing was decided'}.\n\n"
        f"| | |\n| --- | --- |\n{rows}"
    )


def voice_description(record: VersionsRecord, voice: str) -> str:
    """A voice and its versions side by side as Markdown, the newest first."""
    champion = version_of(record, voice)
    entries = sorted(record["versions"], key=lambda entry: -entry["number"])
    measured = list(dict.fromkeys(name for entry in entries for name in headlines(entry)))
    head = ["version", "preset", "minutes", *measured, "verdict"]
    rows = [head, ["---"] * len(head)]
    for entry in entries:
        live = " (live)" if entry is champion else ""
        known = headlines(entry)
        rows.append(
            [
                f"{voice}@{entry['number']}{live}",
                entry["preset"] or "none",
                f"{60 * entry['hours']:.1f}",
                *(known.get(name, "") for name in measured),
                entry["verdict"] or "not judged",
            ]
        )
    table = "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)
    return f"**{voice}@{champion['number']} is live: {champion['verdict'] or 'not judged'}**\n\n{table}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
