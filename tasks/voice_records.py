"""What a pipeline writes down of its voice, and what it reads there of the voice's last run.

Two small records: `runs/<voice>/run.json` (what was asked for and how each stage went, for people) and, in
the store, `voices/<voice>.json` (which actions the voice is made of, for `gc`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from artifacts import leases
from artifacts import manifest as manifests
from artifacts.housekeeping import VOICE, VoiceRecord, voice_name
from artifacts.store import DamagedError, Store
from tasks.key_changes import differences
from tasks.results import StageResult
from tasks.run_record import (
    RequestRecord,
    RunRecord,
    StageEntry,
    computed_now,
    known_run,
    last_computed,
    write_run,
)
from tasks.stage import CorpusStage, Key, RowStage


@dataclass(frozen=True)
class VoiceRecords:
    """The records of one voice.

    Attributes:
        request: What was asked for, kept for `rerun` and `status`.
        using: Keeps `store gc` out while something is written.
    """

    workspace: Path
    voice: str
    store: Store
    request: RequestRecord | None
    using: Callable[[], AbstractContextManager[None]]

    def changes(self, name: str, key: Key, why: str) -> list[str]:
        """What differs from the voice's last run of the stage; `why` where nothing is known to."""
        earlier = known_run(self.workspace, self.voice)["stages"].get(name)
        if earlier is None:
            return ["never run for this voice"]
        record = manifests.load(self.store, name, earlier["key"])
        if record is None or earlier["key"] == key.action:
            return [why]
        return differences(record.parts, key.parts) or [why]

    def earlier(self, stage: CorpusStage, key: Key) -> dict[str, Path]:
        """The stage's whole files of the voice's last run; none where more than the inputs has changed."""
        entry = known_run(self.workspace, self.voice)["stages"].get(stage.name) if stage.continues else None
        record = manifests.load(self.store, stage.name, entry["key"]) if entry is not None else None
        if record is None or any(record.parts.get(n) != key.parts[n] for n in key.parts if n != "inputs"):
            return {}
        files = {}
        for name, ref in record.files.items():
            # What is damaged is made again, if it comes to that.
            with suppress(DamagedError):
                files[name] = self.store.local_path(ref)
        return files

    def begin(self, stage: CorpusStage, key: Key) -> None:
        """Note what is being made: until it is done, its scratch folder is what a later run goes on from."""
        run = known_run(self.workspace, self.voice)
        run["request"] = self.request
        run["begun"] = {**run.get("begun", {}), stage.name: key.action}
        with self.using():
            write_run(self.workspace, self.voice, run)

    def begin_rows(self, stage: RowStage, key: Key) -> None:
        """Note under what the stage's rows are known as they are made, so that `store gc` leaves them."""
        with self.using():
            kept = self._kept(known_run(self.workspace, self.voice))
            rows = {**kept.get("rows", {}), stage.name: key.function}
            self.store.write_record(voice_name(self.voice), {**kept, "rows": rows})

    def remember(self, result: StageResult) -> None:
        """Note that a stage is done, and how it went."""
        run = known_run(self.workspace, self.voice)
        run["request"] = self.request
        run["stages"][result.name] = _entry(result, run["stages"].get(result.name))
        run.get("begun", {}).pop(result.name, None)
        with self.using():
            write_run(self.workspace, self.voice, run)
            kept = self._kept(run)
            record: VoiceRecord = {"stages": {**kept["stages"], result.name: result.key}}
            rows = {stage: made for stage, made in kept.get("rows", {}).items() if stage != result.name}
            self.store.write_record(voice_name(self.voice), {**record, "rows": rows} if rows else {**record})

    def _kept(self, run: RunRecord) -> VoiceRecord:
        kept = self.store.read_record(voice_name(self.voice), VOICE)
        return {"stages": self._recorded(run)} if kept is None else kept

    def _recorded(self, run: RunRecord) -> dict[str, str]:
        """What the voice is made of by its run record: nothing for a new voice.

        For one whose own record in the store was damaged it is all that is known, as far as it is there.
        """
        keys = {name: entry["key"] for name, entry in run["stages"].items()}
        return {name: key for name, key in keys.items() if manifests.load(self.store, name, key) is not None}


def workspace_gate(workspace: Path) -> leases.Gate:
    """What runs of a workspace pass together and a clean-up of its folders alone."""
    return leases.FolderGate(workspace / "work")


def _entry(result: StageResult, before: StageEntry | None) -> StageEntry:
    """What is kept of a result; one that was found keeps what is known of when it was computed."""
    entry: StageEntry = {
        "name": result.name,
        "status": result.status,
        "key": result.key,
        "output_digest": result.output_digest,
        "rows_total": result.rows_total,
        "rows_computed": result.rows_computed,
        "rows_cached": result.rows_cached,
        "rejects": result.rejects,
        "warnings": list(result.warnings),
        "seconds": result.seconds,
        "reason": result.reason,
        "metrics": dict(result.metrics),
        "notes": list(result.notes),
    }
    at = datetime.now(UTC).isoformat(timespec="seconds")
    computed = computed_now(entry, at) if result.status == "computed" else last_computed(before)
    if computed is not None:
        entry["computed"] = computed
    return entry
