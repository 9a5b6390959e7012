"""A voice's pipeline: the stages in order, run or explained one by one."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from artifacts import digest, leases, shards
from artifacts import manifest as manifests
from artifacts.manifest import Manifest, Reject, RowRef
from artifacts.shards import MisplacedRowError
from artifacts.store import DamagedError, Store
from configs.errors import UserError
from configs.nearest import did_you_mean
from tasks.code import Code
from tasks.named import imported
from tasks.outcome import Progress
from tasks.results import Scan, StageResult
from tasks.run_record import RequestRecord
from tasks.runner import Context, Tally, is_settled, look_up, run_corpus_stage, run_row_stage
from tasks.stage import SCAN, Key, RowStage, Stage, key_of, upstream
from tasks.voice_records import VoiceRecords, workspace_gate
from tasks.workers import Workers

ResultT = TypeVar("ResultT")
TRIED_AGAIN = "rows that could not be read are tried again"


class Begins(Protocol):
    """What a training begins with, where that depends on what it learns from."""

    def settings_of(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Any:
        """The settings as the stage reads them."""
        ...

    def keep(self, stage: Stage, inputs: Mapping[str, Manifest]) -> None:
        """Let the stage find the same settings from now on; called before it runs."""
        ...


def _quiet(done: int, total: int, text: str = "", phase: str = "", **metrics: float) -> None:
    del done, total, text, phase, metrics


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
        begins: what trainings begin with, where that depends on what they learn from.
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
        request: RequestRecord | None = None,
        thorough: bool = False,
        begins: Begins | None = None,
    ) -> None:
        self.workspace, self.voice, self.settings = workspace, voice, settings
        self.store = store
        self.stages = {stage.name: stage for stage in stages}
        self.request = request
        self._records = VoiceRecords(workspace, voice, store, request, self.using)
        self.thorough = thorough
        self.stop = threading.Event()
        self.workers = Workers(workers)
        self._begins = begins
        self._scan = scan
        self._scanned: Scan | None = None
        self._manifests: dict[str, Manifest] = {}
        self._pins: leases.Pins | None = None
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
        again: list[str] = []
        obtained = self.mending(lambda: self._obtain(stage, force, on_progress or _quiet), again)
        found, key, tally = obtained.manifest, obtained.key, obtained.tally
        files = {n: self.store.local_path(ref, check=False) for n, ref in found.files.items()}
        # What could not even be opened is told with the stage that opens the rest.
        first = next((one.name for one in self.stages.values() if SCAN in one.reads), None)
        scanned = self.scanned() if name == first else Scan(())
        result = StageResult(
            name=name,
            status=obtained.status,
            key=key.action,
            output_digest=found.output,
            rows_total=tally.total,
            rows_computed=tally.computed,
            rows_cached=tally.cached,
            rejects=len(scanned.rejects) + len(found.rejects),
            warnings=(*scanned.warnings, *key.unplaced, *found.warnings),
            seconds=time.perf_counter() - started,
            reason=obtained.reason,
            metrics=found.metrics,
            series=found.series,
            files=files,
            notes=(*again, *found.notes, *_notes(stage, files)),
        )
        self._records.remember(result)
        return result

    def close(self) -> None:
        """End the worker processes, and let go of what was pinned."""
        self.workers.close()
        if self._pins is not None:
            self._pins.close()
            self._pins = None

    @contextmanager
    def using(self, told: leases.Told | None = None) -> Iterator[None]:
        """Keep `store gc` out; waits for one that is at work."""
        with self.store.gate().shared(told), workspace_gate(self.workspace).shared(told):
            yield

    def mending(self, work: Callable[[], ResultT], again: list[str]) -> ResultT:
        """Do something with finished stages; what is found damaged on the way is made again first.

        Args:
            again: gets a line about each stage that was made again.

        Raises:
            DamagedError: what is damaged cannot be made again here, or comes out otherwise.
        """
        mended: set[str] = set()
        while True:
            try:
                return work()
            except DamagedError as error:
                maker = self._maker(error)
                if maker is None or maker in mended:
                    raise type(error)(error.ref, error.what, maker or error.stage) from error
                mended.add(maker)
                self._make_again(maker, error)
                again.append(f"made {maker} again: blob {error.ref.digest[:12]} {error.what}")

    # -- looking

    def known(self, name: str) -> Manifest | None:
        """The stage's manifest if it is done for the present settings and recordings, without running."""
        if name not in self._manifests:
            stage = self._stage(name)
            if any(n != SCAN and self.known(n) is None for n in upstream(stage)):
                return None
            with self.using():
                key = self._key(stage, self._inputs(stage))
                self._pin(name, key)
                found, _ = look_up(self.store, stage, key, self.thorough)
            if found is None:
                return None
            self._manifests[name] = found
        return self._manifests[name]

    def is_done(self, name: str) -> bool:
        """Whether running the stage would find it done."""
        found = self.known(name)
        return found is not None and is_settled(self._stage(name), found)

    def why(self, name: str) -> tuple[bool, list[str]]:
        """Whether the stage would run, and the reasons in the settings' own words."""
        stage = self._stage(name)
        waiting = [n for n in upstream(stage) if n != SCAN and self.known(n) is None]
        if waiting:
            return True, [f"{waiting[0]} would run first, and {name} reads it"]
        inputs = self._inputs(stage)
        key = self._key(stage, inputs)
        found, why = look_up(self.store, stage, key, self.thorough)
        if found is not None and is_settled(stage, found):
            return False, ["nothing it depends on has changed"]
        reasons = self._records.changes(name, key, why) if found is None else [TRIED_AGAIN]
        if isinstance(stage, RowStage):
            answers = shards.read_index(self.store, name, key.function, self.thorough)
            missing = sum(1 for _, row_key in key.rows if row_key not in answers)
            reasons.append(f"{missing} of {len(key.rows)} rows would be computed")
        return True, reasons

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A finished stage's rows.

        Raises:
            UserError: the stage has not been run, or its rows are damaged.
        """
        with _named(name):
            return shards.read_table(self.store, self._stage(name).schema, self._manifest(name).rows, columns)

    def files(self, name: str) -> dict[str, Path]:
        """A finished stage's files.

        Raises:
            UserError: the stage has not been run, or a file is damaged.
        """
        with _named(name):
            return {n: self.store.local_path(ref) for n, ref in self._manifest(name).files.items()}

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

    def _obtain(self, stage: Stage, force: bool, progress: Progress) -> _Obtained:
        """Find the stage done, or run it."""

        def using() -> AbstractContextManager[None]:
            return self.using(lambda: progress(0, 0, "waits for `store gc` to end"))

        with using():
            inputs = self._inputs(stage)
            key = self._key(stage, inputs)
            # Before the look-up: from here on nobody takes what it finds, or what is made under the key.
            self._pin(stage.name, key)
            found, why = look_up(self.store, stage, key, self.thorough)
        if found is not None and not is_settled(stage, found):
            found, why = None, TRIED_AGAIN
        if found is not None and not force:
            tally = Tally(len(found.rows), 0, len(found.rows))
            made = _Obtained(found, key, tally, "cached", "nothing it depends on has changed")
        else:
            reason = "forced" if force else "; ".join(self._records.changes(stage.name, key, why))
            context = self._context(self._settings_of(stage, inputs), progress, using)
            if self._begins is not None:
                self._begins.keep(stage, inputs)
            if isinstance(stage, RowStage):
                self._records.begin_rows(stage, key)
                found, tally = run_row_stage(stage, key, inputs, context, force)
            else:
                self._records.begin(stage, key)
                found, tally = run_corpus_stage(
                    stage, key, inputs, context, force, {} if force else self._records.earlier(stage, key)
                )
            # A row stage whose every row was known (a recording was taken away) computed nothing.
            status = "computed" if force or tally.computed or not tally.total else "cached"
            made = _Obtained(found, key, tally, status, reason)
        self._manifests[stage.name] = made.manifest
        return made

    def _pin(self, name: str, key: Key) -> None:
        """Keep a result from `store gc` while this pipeline lasts; to be called while the store is in use."""
        try:
            if self._pins is None:
                self._pins = self.store.pins()
            self._pins.add(name, key.action)
        except OSError as error:
            # A store that is mounted to be read is not tidied from here, and its results can still be used.
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise

    def _maker(self, error: DamagedError) -> str | None:
        """The finished stage that a damaged blob is of."""
        for name, known in self._manifests.items():
            if name in self.stages and error.ref in known.blobs():
                return name
        return None

    def _make_again(self, name: str, error: DamagedError) -> None:
        """Run a stage whose result is damaged; what is whole of it is kept.

        Raises:
            UserError: the result is another one now.
        """
        before = self._manifests.pop(name)
        with self.using():
            if isinstance(error, MisplacedRowError):
                # The shard is whole: it is the records that are wrong.
                self.store.discard_record(manifests.action_name(name, before.key))
                shards.forget_misplaced(self.store, name, self._stage(name).schema)
            manifests.missing_blobs(self.store, before, thorough=True)
        after = self.run_stage(name)
        if after.output_digest != before.output:
            raise UserError(
                f"{name}: was damaged (blob {error.ref.digest[:12]} {error.what}) and made again, with "
                "another result; run the same command again, so that what follows from it is made again too"
            )

    def _stage(self, name: str) -> Stage:
        if name not in self.stages:
            hint = did_you_mean(name, self.stages)
            raise UserError(f"stage: {name!r} is not one of {', '.join(self.stages)}{hint}")
        return self.stages[name]

    def _manifest(self, name: str) -> Manifest:
        found = self._scan_manifest(None) if name == SCAN else self.known(name)
        if found is None:
            raise UserError(
                f"{name}: not done for these recordings and settings; run `voicewright finetune` first"
            )
        return found

    def _inputs(self, stage: Stage) -> dict[str, Manifest]:
        return {
            name: self._scan_manifest(stage.reads.get(SCAN)) if name == SCAN else self._manifest(name)
            for name in upstream(stage)
        }

    def _key(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Key:
        return key_of(stage, self._settings_of(stage, inputs), inputs, self._code, self._column)

    def _settings_of(self, stage: Stage, inputs: Mapping[str, Manifest]) -> Any:
        return self.settings if self._begins is None else self._begins.settings_of(stage, inputs)

    def _column(self, stage: str, column: str) -> dict[str, Any]:
        """One value of every row of a finished stage."""
        return shards.read_values(self.store, self._manifest(stage).rows, column)

    def _scan_manifest(self, columns: Sequence[str] | None) -> Manifest:
        """The recordings by what a stage reads of them (None: all) but their place."""
        scan = self.scanned()
        rows = tuple(
            RowRef(
                row["recording_id"],
                digest.of_value(
                    {n: v for n, v in row.items() if n != "location" and (columns is None or n in columns)}
                ),
                "",
                0,
                at,
            )
            for at, row in enumerate(scan.rows)
        )
        return Manifest(SCAN, "", {}, rows, tuple(scan.rejects), tuple(scan.warnings))

    def _context(
        self, settings: Any, progress: Progress, using: Callable[[], AbstractContextManager[None]]
    ) -> Context:
        return Context(
            store=self.store,
            settings=settings,
            workers=self.workers,
            scratch=self.workspace / "work",
            schemas={name: stage.schema for name, stage in self.stages.items()},
            outside={SCAN: {row["recording_id"]: row for row in self.scanned().rows}},
            progress=progress,
            stop=self.stop.is_set,
            using=using,
        )


def _notes(stage: Stage, files: Mapping[str, Path]) -> Sequence[str]:
    """What the stage's files say to people, in today's words."""
    if isinstance(stage, RowStage) or not stage.notes:
        return ()
    said: Sequence[str] = imported(stage.notes)(files)
    return said


@dataclass(frozen=True)
class _Obtained:
    """A stage's result, found or made."""

    manifest: Manifest
    key: Key
    tally: Tally
    status: str
    reason: str


@contextmanager
def _named(stage: str) -> Iterator[None]:
    """Damage that is found inside is of this stage."""
    try:
        yield
    except DamagedError as error:
        raise type(error)(error.ref, error.what, stage) from error
