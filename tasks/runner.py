"""Runs one stage over its inputs: look up, compute what is missing, record."""

from __future__ import annotations

import fcntl
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from artifacts import manifest as manifests
from artifacts import shards
from artifacts.leases import is_at
from artifacts.manifest import Manifest, Reject, RowRef
from artifacts.shards import RowOutcome
from artifacts.store import Store
from configs.errors import UserError
from tasks.named import imported
from tasks.outcome import ConfigView, Outcome, Produced, Progress, StoppedError, Work
from tasks.space import require_space, require_space_for_recordings
from tasks.stage import CorpusStage, Key, RowStage, Stage, function_of, view, wants_gpu
from tasks.workers import Workers


@dataclass(frozen=True)
class Tally:
    """How many rows were computed and how many came from the store."""

    total: int
    computed: int
    cached: int


@dataclass(frozen=True)
class Context:
    """What running any stage needs beside its inputs."""

    store: Store
    settings: Any
    workers: Workers
    scratch: Path
    schemas: Mapping[str, pa.Schema]
    outside: Mapping[str, Mapping[str, dict[str, Any]]]
    """Rows by identifier of the one input that is not in the store: the recordings as they lie on disk."""
    progress: Progress
    stop: Callable[[], bool]
    using: Callable[[], AbstractContextManager[None]]
    """Keeps `store gc` out for as long as it lasts: whatever is found or put meanwhile stays."""


def run_row_stage(
    stage: RowStage, key: Key, inputs: Mapping[str, Manifest], context: Context, force: bool
) -> tuple[Manifest, Tally]:
    """Compute the rows that the store cannot answer.

    Raises:
        StoppedError: a stop was asked for; finished shards stay.
        UserError: two rows claim one identifier.
        MachineError: the rows will not fit on the disk.
    """
    with context.using():
        return _run_rows(stage, key, inputs, context, force)


def _run_rows(
    stage: RowStage, key: Key, inputs: Mapping[str, Manifest], context: Context, force: bool
) -> tuple[Manifest, Tally]:
    store = context.store
    keyed = key.rows
    answers = {} if force else shards.read_index(store, stage.name, key.function)
    missing = [(row_id, row_key) for row_id, row_key in keyed if row_key not in answers]
    total, cached = len(keyed), len(keyed) - len(missing)
    _require_space_for(stage, missing, inputs, context, answers)
    context.progress(cached, total)
    for done in _compute(stage, key, missing, inputs, context, answers):
        context.progress(cached + done, total)
    outcomes = [answers[row_key] for _, row_key in keyed]
    rows = tuple(row for outcome in outcomes for row in outcome.rows)
    _refuse_duplicates(stage, rows)
    made = Manifest(
        stage=stage.name,
        key=key.action,
        parts=key.parts,
        rows=rows,
        rejects=tuple(reject for outcome in outcomes for reject in outcome.rejects),
        warnings=tuple(dict.fromkeys(w for outcome in outcomes for w in outcome.warnings)),
    )
    return manifests.commit(store, made), Tally(total, len(missing), cached)


def _require_space_for(
    stage: RowStage,
    missing: Sequence[tuple[str, str]],
    inputs: Mapping[str, Manifest],
    context: Context,
    answers: Mapping[str, RowOutcome],
) -> None:
    outside = [
        context.outside[name]
        for name, columns in stage.reads.items()
        if name in context.outside and (columns is None or "location" in columns)
    ]
    for rows in outside:
        require_space_for_recordings(stage, [rows[row_id] for row_id, _ in missing], context.store)
    earlier = [row for outcome in answers.values() for row in outcome.rows]
    total = len(inputs[next(iter(stage.reads))].rows)
    require_space(
        stage, inputs, context.settings, context.store, context.scratch, len(missing), total, earlier
    )


def _compute(
    stage: RowStage,
    key: Key,
    missing: Sequence[tuple[str, str]],
    inputs: Mapping[str, Manifest],
    context: Context,
    answers: dict[str, RowOutcome],
) -> Iterator[int]:
    """Fill `answers` shard by shard, yielding how many rows are done.

    Shards follow the order of the missing rows and are written when full, so a run that was killed goes on
    with the same shards that an undisturbed one writes.
    """
    config = view(stage, context.settings)
    size = stage.batch_rows(config) if callable(stage.batch_rows) else stage.batch_rows
    on_gpu = bool(missing) and _is_on_gpu(stage, context.settings)
    if on_gpu:
        size = max(size, stage.gpu_rows)
    files = {
        name: {n: context.store.local_path(ref) for n, ref in inputs[name].files.items()}
        for name in stage.broadcast
    }
    finder = _RowReader(stage, inputs, context, key.given)
    known, done = len(key.rows) - len(missing), 0
    step = max(size, stage.rows_per_shard - stage.rows_per_shard % size)
    groups = [missing[at : at + step] for at in range(0, len(missing), step)]

    def batches() -> list[tuple[Any, ...]]:
        return [
            (stage.run, finder.only(row_ids), row_ids, config, files)
            for group in groups
            for at in range(0, len(group), size)
            for row_ids in [[row_id for row_id, _ in group[at : at + size]]]
        ]

    results = context.workers.map(_call, batches(), stage.parallel, alone=on_gpu)
    for group in groups:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(group):
            outcomes.extend(next(results))
            context.progress(known + done + len(outcomes), known + len(missing))
            if context.stop():
                raise StoppedError(f"stopped; {known + done} of {known + len(missing)} rows are kept")
        written = _write_group(stage, key, group, outcomes, context.store)
        answers.update(written)
        done += len(group)
        yield done


def _is_on_gpu(stage: RowStage, settings: Any) -> bool:
    """Whether the rows are computed on a GPU.

    Raises:
        UserError: one is asked for and there is none.
    """
    if not wants_gpu(stage, settings):
        return False
    # Whoever computes nothing asks for no device, and imports no torch.
    from tasks.device import chosen_device

    return chosen_device(settings.compute.device).type != "cpu"


def _write_group(
    stage: RowStage,
    key: Key,
    group: Sequence[tuple[str, str]],
    outcomes: Sequence[Outcome],
    store: Store,
) -> list[tuple[str, RowOutcome]]:
    refs = shards.write_rows(store, stage.schema, [row for o in outcomes for row in o.rows])
    at, written = 0, []
    for (_, row_key), outcome in zip(group, outcomes, strict=True):
        own = tuple(refs[at : at + len(outcome.rows)])
        at += len(outcome.rows)
        entry = RowOutcome(own, tuple(outcome.rejects), tuple(outcome.warnings))
        written.append((row_key, entry))
    settled = [(row_key, entry) for row_key, entry in written if not _is_passing(stage, entry.rejects)]
    if settled:
        shards.write_index(store, stage.name, key.function, settled)
    return written


def _is_passing(stage: Stage, rejects: Sequence[Reject]) -> bool:
    return isinstance(stage, RowStage) and any(one.code in stage.passing for one in rejects)


@dataclass(frozen=True)
class _Located:
    """Where one stage's rows lie, in a form that travels to a worker process."""

    schema: pa.Schema
    rows: dict[str, RowRef]
    columns: tuple[str, ...]


class _RowReader:
    """Reads joined rows by identifier; the reading happens in the worker, not in the parent."""

    def __init__(
        self, stage: RowStage, inputs: Mapping[str, Manifest], context: Context, given: Mapping[str, Any]
    ) -> None:
        self._store = context.store
        self._given, self._named = given, stage.column_by_row.name if stage.column_by_row else None
        self._parts: list[_Located] = []
        self._outside: list[Mapping[str, dict[str, Any]]] = []
        for name, columns in stage.reads.items():
            if name in context.outside:
                self._outside.append(context.outside[name])
                continue
            schema = context.schemas[name]
            wanted = tuple(columns) if columns is not None else tuple(schema.names)
            identifier = schema.names[0]
            if identifier not in wanted:
                wanted = (identifier, *wanted)
            rows = {row.row_id: row for row in inputs[name].rows}
            self._parts.append(_Located(schema, rows, wanted))

    def only(self, row_ids: Sequence[str]) -> _RowReader:
        """The same reader with just these rows, small enough to send to a worker."""
        reader = object.__new__(_RowReader)
        reader._store, reader._named = self._store, self._named
        reader._given = {row_id: self._given[row_id] for row_id in row_ids if row_id in self._given}
        reader._parts = [
            _Located(p.schema, {row_id: p.rows[row_id] for row_id in row_ids}, p.columns) for p in self._parts
        ]
        reader._outside = [{row_id: rows[row_id] for row_id in row_ids} for rows in self._outside]
        return reader

    def read(self, row_ids: Sequence[str]) -> list[dict[str, Any]]:
        """One dict per identifier."""
        joined: list[dict[str, Any]] = [
            {name: value for rows in self._outside for name, value in rows[row_id].items()}
            for row_id in row_ids
        ]
        for part in self._parts:
            table = shards.read_table(
                self._store, part.schema, [part.rows[row_id] for row_id in row_ids], part.columns
            )
            for row, values in zip(joined, table.to_pylist(), strict=True):
                for name, value in values.items():
                    row.setdefault(name, value)
        if self._named is not None:
            for row_id, row in zip(row_ids, joined, strict=True):
                row[self._named] = self._given.get(row_id)
        return joined


def _call(
    run: str,
    reader: _RowReader,
    row_ids: list[str],
    config: ConfigView,
    files: Mapping[str, Mapping[str, Path]],
) -> list[Outcome]:
    outcomes: list[Outcome] = imported(run)(reader.read(row_ids), config, files)
    if len(outcomes) != len(row_ids):
        raise RuntimeError(f"{run} returned {len(outcomes)} outcomes for {len(row_ids)} rows")
    return outcomes


def run_corpus_stage(
    stage: CorpusStage,
    key: Key,
    inputs: Mapping[str, Manifest],
    context: Context,
    force: bool,
    earlier: Mapping[str, Path],
) -> tuple[Manifest, Tally]:
    """Run the function over whole inputs in a private folder that survives a kill.

    earlier: the stage's files of the voice's last run, if it shall see them.
    While the function runs the store stands open to `gc`: what it reads is pinned, what it makes lies in its
    folder.
    """
    with private_folder(context.scratch / stage.name, folder_of(key.action)) as folder:
        # Another run may have finished the same work while this one waited for the folder.
        with context.using():
            found, _ = look_up(context.store, stage, key, thorough=False)
        if found is not None and not force:
            return found, Tally(len(found.rows), 0, len(found.rows))
        require_space(stage, inputs, context.settings, context.store, folder)
        work = Work(folder, context.progress, context.stop, earlier)
        made = function_of(stage)(CorpusInputs(stage, inputs, context), view(stage, context.settings), work)
        with context.using():
            manifest = manifests.commit(context.store, _stored(stage, key, made, context.store))
        shutil.rmtree(folder)
    return manifest, Tally(len(manifest.rows), len(manifest.rows), 0)


def _stored(stage: CorpusStage, key: Key, made: Produced, store: Store) -> Manifest:
    files = {name: store.put_file(path) for name, path in sorted(made.files.items())}
    table = (
        made.rows.select(stage.schema.names).cast(stage.schema)
        if isinstance(made.rows, pa.Table)
        else pa.Table.from_pylist(list(made.rows), schema=stage.schema)
    )
    rows = tuple(shards.write_table(store, table))
    _refuse_duplicates(stage, rows)
    return Manifest(
        stage=stage.name,
        key=key.action,
        parts=key.parts,
        rows=rows,
        rejects=tuple(made.rejects),
        warnings=tuple(made.warnings),
        files=files,
        metrics={name: float(value) for name, value in made.metrics.items()},
        series={n: [(int(s), float(v)) for s, v in p] for n, p in made.series.items()},
        notes=tuple(made.notes),
    )


class CorpusInputs:
    """A corpus stage's view of its inputs; what was not declared cannot be read."""

    def __init__(self, stage: CorpusStage, inputs: Mapping[str, Manifest], context: Context) -> None:
        self._stage, self._inputs, self._context = stage, inputs, context
        self._by_id: dict[str, dict[str, RowRef]] = {}

    def table(
        self, stage: str, columns: Sequence[str] | None = None, only: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows of a declared stage; `columns` and `only` (identifiers, in this order) narrow further."""
        wanted = columns if columns is not None else self._stage.reads[stage]
        schema = self._context.schemas[stage]
        names = None if wanted is None else [n for n in schema.names if n in wanted]
        rows: Sequence[RowRef] = self._declared(stage).rows
        if only is not None:
            # Once for a stage: tables are asked for group by group.
            if stage not in self._by_id:
                self._by_id[stage] = {row.row_id: row for row in rows}
            by_id = self._by_id[stage]
            rows = [by_id[row_id] for row_id in only if row_id in by_id]
        return shards.read_table(self._context.store, schema, rows, names)

    def files(self, stage: str) -> dict[str, Path]:
        """Files of a declared stage."""
        return {
            name: self._context.store.local_path(ref) for name, ref in self._declared(stage).files.items()
        }

    def rejects(self, stage: str) -> Sequence[Reject]:
        """Rejects of a stage declared in `rejects_of`."""
        if stage not in self._stage.rejects_of:
            raise KeyError(f"{self._stage.name} did not declare to read the rejects of {stage}")
        return self._inputs[stage].rejects

    def record(self, stage: str) -> dict[str, Any]:
        """How a stage declared in `records_of` was made."""
        if stage not in self._stage.records_of:
            raise KeyError(f"{self._stage.name} did not declare to read the record of {stage}")
        known = self._inputs[stage]
        return {
            "stage": known.stage,
            "key": known.key,
            "output": known.output,
            "parts": known.parts,
            "rows": len(known.rows),
            "rejects": len(known.rejects),
            "warnings": list(known.warnings),
            "files": {name: ref.digest for name, ref in known.files.items()},
            "metrics": dict(known.metrics),
            "series": dict(known.series),
        }

    def _declared(self, stage: str) -> Manifest:
        if stage not in self._stage.reads:
            raise KeyError(f"{self._stage.name} did not declare to read {stage}")
        return self._inputs[stage]


def folder_of(key: str) -> str:
    """Name of a stage's scratch folder under an action key."""
    return key[:32]


@contextmanager
def private_folder(parent: Path, name: str) -> Iterator[Path]:
    """A scratch folder held by one process at a time; the lock goes when its holder ends, however it ends."""
    parent.mkdir(parents=True, exist_ok=True)
    lock = parent / f"{name}.lock"
    while True:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not is_at(held.fileno(), lock):
                continue  # tidied away while this one waited: a lock on a file that is gone keeps nobody out
            folder = parent / name
            folder.mkdir(exist_ok=True)
            yield folder
            return


def _refuse_duplicates(stage: Stage, rows: Sequence[RowRef]) -> None:
    counts = Counter(row.row_id for row in rows)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise UserError(
            f"{stage.name}: {len(twice)} identifiers are used twice, for example {twice[0]!r}; "
            "rename one of the recordings"
        )


def is_settled(stage: Stage, found: Manifest) -> bool:
    """Whether no row was refused for a reason that may have passed."""
    return not _is_passing(stage, found.rejects)


def look_up(store: Store, stage: Stage, key: Key, thorough: bool) -> tuple[Manifest | None, str]:
    """The recorded manifest, or None and why it does not count."""
    found = manifests.load(store, stage.name, key.action)
    if found is None:
        return None, "no record"
    missing = manifests.missing_blobs(store, found, thorough)
    if missing:
        names = ", ".join(ref.digest[:12] for ref in missing[:3])
        return None, f"{len(missing)} blob{'s' * (len(missing) > 1)} missing or damaged ({names})"
    return found, "recorded"
