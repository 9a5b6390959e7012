"""What a finished run comes to: a version is kept, judged against the champion, and the better one lives."""

from __future__ import annotations

import json
from typing import NamedTuple

from artifacts.housekeeping import voice_name
from artifacts.manifest import Manifest
from artifacts.store import Store
from configs.errors import UserError
from configs.gates import GatesSettings
from tasks.pipeline import Pipeline
from tasks.versions.folders import champion_folder
from tasks.versions.gates import Decision, Measured, decide, measured_of
from tasks.versions.laid_out import PUBLISHED, place, version_file
from tasks.versions.record import (
    VersionEntry,
    VersionsRecord,
    now,
    promoted,
    read_versions,
    same_files,
    version_of,
    write_versions,
)

EVALUATION, DESCRIPTION = "metrics.json", "voice.json"
"""Of an exported voice: what was measured, and what the voice is."""


class Settled(NamedTuple):
    """What became of a finished run.

    Attributes:
        version: The version that the run made, or had made before.
        is_new: Whether it was made now.
        champion: Number of the version that is live.
        decision: What the gates said; None where they were not asked.
    """

    version: VersionEntry
    is_new: bool
    champion: int
    decision: Decision | None

    def __str__(self) -> str:
        number = self.version["number"]
        if self.champion == number:
            return f"version {number} is live" + (f": {self.version['decision']}" if self.is_new else "")
        why = f" ({self.version['decision']})" if self.version["decision"] else ""
        return f"version {number} is not live, version {self.champion} is{why}"


def settle(pipeline: Pipeline) -> Settled:
    """Keep what the pipeline made as a version, let the gates judge it, and lay out the champion's folder.

    A file that is damaged in the store is made again first. To be called by whoever holds the voice.

    Raises:
        UserError: the voice is not finished, or what is damaged comes out otherwise.
    """
    again: list[str] = []
    return pipeline.mending(lambda: _settled(pipeline), again)


def _settled(pipeline: Pipeline) -> Settled:
    record = read_versions(pipeline.workspace, pipeline.voice)
    made = {stage: _finished(pipeline, stage) for stage in PUBLISHED}
    entry = same_files(record, made["export"].output)
    decision: Decision | None = None
    is_new = entry is None
    if entry is None:
        entry = _entry(pipeline, record, made)
        record = {**record, "last": entry["number"], "versions": [*record["versions"], entry]}
        record, decision = _judged(pipeline, record, entry)
        entry = version_of(record, pipeline.voice, entry["number"])
    else:
        record = _with_stages(record, entry, {stage: one.key for stage, one in made.items()})
        entry = version_of(record, pipeline.voice, entry["number"])
    champion = version_of(record, pipeline.voice)
    keep(pipeline.store, pipeline.voice, entry)
    place(
        pipeline.store,
        pipeline.workspace,
        pipeline.voice,
        champion,
        champion_folder(pipeline.workspace, pipeline.voice),
    )
    write_versions(pipeline.workspace, pipeline.voice, record)
    return Settled(entry, is_new, champion["number"], decision)


def keep(store: Store, voice: str, entry: VersionEntry) -> None:
    """Keep a version's results from `store gc`."""
    with store.gate().shared():
        store.write_record(voice_name(f"{voice}@{entry['number']}"), {"stages": entry["stages"]})


def measured(store: Store, voice: str, entry: VersionEntry) -> Measured:
    """What the gates know of a version.

    Raises:
        UserError: its files are damaged or gone.
    """
    evaluation = json.loads(version_file(store, voice, entry, EVALUATION))
    return measured_of(entry["number"], entry["hours"], evaluation)


def judge(
    store: Store,
    voice: str,
    champion: VersionEntry,
    challenger: VersionEntry,
    gates: GatesSettings,
    seed: int,
    base: Measured | None = None,
) -> Decision:
    """Compare two versions by what was measured of them.

    Args:
        base: What the model could say before it was trained.

    Raises:
        UserError: files of one are damaged or gone.
    """
    old, new = (measured(store, voice, one) for one in (champion, challenger))
    return decide(old, new, gates, seed, base)


def _judged(
    pipeline: Pipeline, record: VersionsRecord, entry: VersionEntry
) -> tuple[VersionsRecord, Decision | None]:
    """The record with what was decided about its newest version."""
    number = entry["number"]
    if record["champion"] is None:
        why = "the first version"
        return promoted(_with_decision(record, number, why), number, "first", why), None
    gates: GatesSettings = pipeline.settings.gates
    if not gates.automatic:
        return _with_decision(
            record, number, "waits for `voicewright promote` (gates.automatic = false)"
        ), None
    champion = version_of(record, pipeline.voice)
    try:
        base = _base(pipeline, entry)
        decision = judge(pipeline.store, pipeline.voice, champion, entry, gates, pipeline.settings.seed, base)
    except UserError as error:
        # Not the new version's fault: a person decides, and nothing goes live unjudged.
        return _with_decision(record, number, f"could not be judged: {error}"), None
    record = _with_decision(record, number, str(decision))
    if decision.promotes:
        record = promoted(record, number, "gates", str(decision))
    return record, decision


def _base(pipeline: Pipeline, entry: VersionEntry) -> Measured | None:
    """What the model could say before it was trained, where it was trained from something published."""
    described = json.loads(version_file(pipeline.store, pipeline.voice, entry, DESCRIPTION))
    languages = described.get("languages", ())
    if not languages or pipeline.settings.gates.base is None:
        return None
    # It speaks and listens: whoever finds a voice done loads no networks.
    from tasks.versions.base import measured_base

    return measured_base(pipeline.workspace, pipeline.settings, languages[0])


def _entry(pipeline: Pipeline, record: VersionsRecord, made: dict[str, Manifest]) -> VersionEntry:
    described, evaluation = (
        json.loads(pipeline.store.read(made["export"].files[name])) for name in (DESCRIPTION, EVALUATION)
    )
    data = described["training_data"]
    evaluate = pipeline.known("evaluate")
    return {
        "number": record["last"] + 1,
        "made_at": now(),
        "preset": pipeline.settings.preset or None,
        "output": made["export"].output,
        "stages": {stage: one.key for stage, one in made.items()},
        "hours": float(data["hours"]),
        "clips": int(data["clips"]),
        "metrics": dict(evaluate.metrics) if evaluate is not None else {},
        "verdict": evaluation.get("verdict", ""),
        "decision": "",
    }


def _finished(pipeline: Pipeline, stage: str) -> Manifest:
    found = pipeline.known(stage)
    if found is None:
        raise UserError(f"{pipeline.voice}: stage {stage} is not done; run `voicewright finetune` first")
    return found


def _with_decision(record: VersionsRecord, number: int, decision: str) -> VersionsRecord:
    versions = [
        {**one, "decision": decision} if one["number"] == number else one for one in record["versions"]
    ]
    return {**record, "versions": versions}  # type: ignore[typeddict-item]


def _with_stages(record: VersionsRecord, entry: VersionEntry, stages: dict[str, str]) -> VersionsRecord:
    """The same files under the present keys: a page that was drawn anew is the version's page."""
    versions = [
        {**one, "stages": stages} if one["number"] == entry["number"] else one for one in record["versions"]
    ]
    return {**record, "versions": versions}  # type: ignore[typeddict-item]
