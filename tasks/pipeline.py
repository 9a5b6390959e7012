"""A voice's pipeline: the stages in order, run or explained one by one.

The pipeline keeps two small records beside the store: `runs/<voice>/run.json` (what was asked for and
how each stage went, for people) and `store/voices/<voice>.json` (which actions the voice is made of,
for `gc`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from artifacts import digest, shards
from artifacts.manifest import Manifest, Reject, RowRef
from artifacts.store import Store, write_atomically
from configs.errors import UserError
from tasks.code import Code
from tasks.named import imported
from tasks.outcome import Progress
from tasks.runner import Context, Tally, look_up, run_corpus_stage, run_row_stage
from tasks.stage import Key, RowStage, Stage, key_of, upstream
from tasks.workers import Workers

SCAN = "scan"


@dataclass(frozen=True)
class Scan:
    """The recordings as they lie on disk.

    Attributes:
        rows: one per recording; `location` is the absolute path and never enters a key.
        rejects: what could not be taken.
        warnings: what the user should know.
    """

    rows: Sequence[dict[str, Any]]
    rejects: Sequence[Reject] = ()
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class StageResult:
    """How one stage went."""

    name: str
    status: str
    """`computed` or `cached`."""
    key: str
    output_digest: str
    rows_total: int
    rows_computed: int
    rows_cached: int
    rejects: int
    warnings: tuple[str, ...]
    seconds: float
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _quiet(done: int, total: int, text: str = "", **metrics: float) -> None:
    del done, total, text, metrics


class Pipeline:
    """One voice's stages over one folder of recordings.

    Args:
        workspace: folder of run records and scratch files.
        voice: the voice's name.
        settings: the resolved settings.
        scan: called once for the recordings.
        stages: the stages in an order in which every stage follows what it reads.
        request: what was asked for (recordings, preset, overrides), kept for `rerun` and `status`.
        thorough: re-hash every blob at look-up instead of trusting its size.
    """

    def __init__(
        self,
        workspace: Path,
        voice: str,
        settings: Any,
        scan: Callable[[], Scan],
        stages: Sequence[Stage],
        store: Store,
        workers: int = 1,
        request: Mapping[str, Any] | None = None,
        thorough: bool = False,
    ) -> None:
        self.workspace, self.voice, self.settings = workspace, voice, settings
        self.store = store
        self.stages = {stage.name: stage for stage in stages}
        self.request = dict(request or {})
        self.thorough = thorough
        self.stop = threading.Event()
        self.workers = Workers(workers)
        self._scan = scan
        self._scanned: Scan | None = None
        self._manifests: dict[str, Manifest] = {}
        self._code = Code(workspace / "cache" / "code.json")

    # -- running

    def run_stage(self, name: str, force: bool = False, on_progress: Progress | None = None) -> StageResult:
        """Run a stage, or find it done.

        Raises:
            UserError: the stage refused its input, or something it reads has not been run.
            StoppedError: a stop was asked for.
        """
        started = time.perf_counter()
        stage = self._stage(name)
        inputs = self._inputs(stage)
        key = self._key(stage, inputs)
        found, why = look_up(self.store, stage, key, self.thorough)
        if found is not None and not force:
            tally = Tally(len(found.rows), 0, len(found.rows))
            status, reason = "cached", "nothing it depends on has changed"
        else:
            reason = "forced" if force else "; ".join(self._changes(name, key, why))
            context = self._context(on_progress or _quiet)
            if isinstance(stage, RowStage):
                found, tally = run_row_stage(stage, key, inputs, context, force)
            else:
                found, tally = run_corpus_stage(stage, key, inputs, context, force)
            # A row stage whose every row was known (a recording was taken away) computed nothing.
            status = "computed" if force or tally.computed or not tally.total else "cached"
        self._manifests[name] = found
        files = {n: self.store.local_path(ref) for n, ref in found.files.items()}
        # What could not even be opened is told with the stage that opens the rest.
        scanned = self.scanned() if SCAN in stage.reads else Scan(())
        result = StageResult(
            name=name,
            status=status,
            key=key.action,
            output_digest=found.output,
            rows_total=tally.total,
            rows_computed=tally.computed,
            rows_cached=tally.cached,
            rejects=len(scanned.rejects) + len(found.rejects),
            warnings=(*scanned.warnings, *found.warnings),
            seconds=time.perf_counter() - started,
            reason=reason,
            metrics=found.metrics,
            series=found.series,
            files=files,
            notes=(*found.notes, *_notes(stage, files)),
        )
        self._remember(result)
        return result

    def close(self) -> None:
        """End the worker processes."""
        self.workers.close()

    # -- looking

    def known(self, name: str) -> Manifest | None:
        """The stage's manifest if it is done for the present settings and recordings, without running."""
        if name not in self._manifests:
            stage = self._stage(name)
            if any(n != SCAN and self.known(n) is None for n in upstream(stage)):
                return None
            key = self._key(stage, self._inputs(stage))
            found, _ = look_up(self.store, stage, key, self.thorough)
            if found is None:
                return None
            self._manifests[name] = found
        return self._manifests[name]

    def why(self, name: str) -> tuple[bool, list[str]]:
        """Whether the stage would run, and the reasons in the settings' own words."""
        stage = self._stage(name)
        waiting = [n for n in upstream(stage) if n != SCAN and self.known(n) is None]
        if waiting:
            return True, [f"{waiting[0]} would run first, and {name} reads it"]
        inputs = self._inputs(stage)
        key = self._key(stage, inputs)
        found, why = look_up(self.store, stage, key, self.thorough)
        if found is not None:
            return False, ["nothing it depends on has changed"]
        reasons = self._changes(name, key, why)
        if isinstance(stage, RowStage):
            answers = shards.read_index(self.store, name, key.function, self.thorough)
            missing = sum(1 for _, row_key in key.rows if row_key not in answers)
            reasons.append(f"{missing} of {len(key.rows)} rows would be computed")
        return True, reasons

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A finished stage's rows.

        Raises:
            UserError: the stage has not been run.
        """
        return shards.read_table(self.store, self._stage(name).schema, self._manifest(name).rows, columns)

    def scanned(self) -> Scan:
        """The recordings, looked at once."""
        if self._scanned is None:
            self._scanned = self._scan()
        return self._scanned

    def rejects(self) -> list[tuple[str, Reject]]:
        """`(stage, reject)` of everything that was refused so far, the scan's own first."""
        own = [(SCAN, reject) for reject in self.scanned().rejects]
        for name in self.stages:
            found = self.known(name)
            if found is None:
                break
            own.extend((name, reject) for reject in found.rejects)
        return own

    # -- internals

    def _stage(self, name: str) -> Stage:
        if name not in self.stages:
            raise UserError(f"stage: {name!r} is not one of {', '.join(self.stages)}")
        return self.stages[name]

    def _manifest(self, name: str) -> Manifest:
        found = self._scan_manifest() if name == SCAN else self.known(name)
        if found is None:
            raise UserError(
                f"{name}: not done for these recordings and settings; run `voicewright finetune` first"
            )
        return found

    def _inputs(self, stage: Stage) -> dict[str, Manifest]:
        return {name: self._manifest(name) for name in upstream(stage)}

    def _key(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Key:
        return key_of(stage, self.settings, inputs, self._code, self._column)

    def _column(self, stage: str, column: str) -> dict[str, Any]:
        """One value of every row of a finished stage."""
        return shards.read_values(self.store, self._manifest(stage).rows, column)

    def _scan_manifest(self) -> Manifest:
        scan = self.scanned()
        rows = tuple(
            RowRef(
                row["recording_id"],
                digest.of_value({n: v for n, v in row.items() if n != "location"}),
                "",
                0,
                at,
            )
            for at, row in enumerate(scan.rows)
        )
        return Manifest(SCAN, "", {}, rows, tuple(scan.rejects), tuple(scan.warnings))

    def _context(self, progress: Progress) -> Context:
        return Context(
            store=self.store,
            settings=self.settings,
            workers=self.workers,
            scratch=self.workspace / "work",
            schemas={name: stage.schema for name, stage in self.stages.items()},
            outside={SCAN: {row["recording_id"]: row for row in self.scanned().rows}},
            progress=progress,
            stop=self.stop.is_set,
        )

    def _changes(self, name: str, key: Key, why: str) -> list[str]:
        """What differs from the voice's last run of the stage."""
        earlier = read_run(self.workspace, self.voice).get("stages", {}).get(name)
        record = self.store.read_record(f"actions/{name}/{earlier['key']}.json") if earlier else None
        if earlier is None:
            return ["never run for this voice"]
        if record is None or earlier["key"] == key.action:
            return [why]
        return differences(record["parts"], key.parts) or [why]

    def _remember(self, result: StageResult) -> None:
        run = read_run(self.workspace, self.voice)
        run["request"] = self.request
        entry = asdict(result)
        for name in ("series", "files"):
            del entry[name]
        run.setdefault("stages", {})[result.name] = entry
        path = run_path(self.workspace, self.voice)
        write_atomically(path, json.dumps(run, indent=1, ensure_ascii=False).encode())
        kept = self.store.read_record(f"voices/{self.voice}.json") or {"stages": {}}
        kept["stages"][result.name] = result.key
        self.store.write_record(f"voices/{self.voice}.json", kept)


def _notes(stage: Stage, files: Mapping[str, Path]) -> Sequence[str]:
    """What the stage's files say to people, in today's words."""
    if isinstance(stage, RowStage) or not stage.notes:
        return ()
    said: Sequence[str] = imported(stage.notes)(files)
    return said


def run_path(workspace: Path, voice: str) -> Path:
    """Where a voice's run record lies."""
    return workspace / "runs" / voice / "run.json"


def read_run(workspace: Path, voice: str) -> dict[str, Any]:
    """What was asked for and how each stage went the last time; empty for a new voice."""
    path = run_path(workspace, voice)
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


_MOVED = "code moved: keys name a stage's modules and files in a new way, so it is computed once more"
_COMPARED = (
    ("config", "{name} {old} -> {new}"),
    ("arguments", "{name} {old} -> {new}"),
    ("reads", "what is read of {name} {verb}"),
    ("code", "code of {name} {verb}"),
    ("libraries", "{name} {old} -> {new}"),
    ("broadcast", "output of {name} changed"),
    ("inputs", "{what} of {name} changed"),
)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Two keys' parts compared, in words; parts in another form are said to have moved, once."""
    moved = before.get("format") != after.get("format")
    found = [_MOVED] if moved else []
    for part, say in _COMPARED:
        old, new = before.get(part, {}), after.get(part, {})
        if moved and (part == "code" or part not in before):
            continue
        for name in sorted({*old, *new}):
            was, now = old.get(name), new.get(name)
            # A record tells how a stage was made, so all of them moved with the code.
            if was != now and not (moved and name.endswith(".record")):
                verb = "appeared" if was is None else "went" if now is None else "changed"
                shown, what = name, "output"
                if part == "inputs":
                    shown, _, what = name.partition(".")
                found.append(say.format(name=shown, old=was, new=now, verb=verb, what=what or "output"))
    for part in ("version", "function", "schema"):
        if part in before and before[part] != after.get(part):
            found.append(f"the stage's {part} changed")
    return list(dict.fromkeys(found))
