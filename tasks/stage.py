"""The one stage mechanism: key, look-up, run, record.

A stage is declared once, as data, in a module `stages` that computes nothing: its function is a name
(`tasks.features.pitch:pitch_rows`), imported when there is something to compute. Two kinds exist:

- a `RowStage` maps rows to rows with a pure function; each row's outcome is kept under
  `H(function key, input rows' digests)`, so a corpus that grows by one row costs one row;
- a `CorpusStage` sees its inputs whole and makes rows, files and metrics.

Keys chain on output digests, not on keys: a stage that ran again and made the same bytes leaves
everything downstream a hit (early cut-off).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from artifacts import digest
from artifacts.manifest import Manifest
from tasks.code import Code, library_versions
from tasks.named import imported
from tasks.outcome import ConfigView, Inputs, Outcome, Produced, Reject, Work, reject

__all__ = [
    "SCAN",
    "CodeByRow",
    "ColumnByRow",
    "ConfigView",
    "CorpusStage",
    "Given",
    "Inputs",
    "Outcome",
    "Produced",
    "Reject",
    "RowStage",
    "Stage",
    "Work",
    "reject",
]

# Part of every key: raised when shards, manifests or keys change their form.
FORMAT = 2

SCAN = "scan"
"""What the first stages read: the recordings as they lie on the disk. No stage makes it."""

RowFunction = Callable[[list[dict[str, Any]], ConfigView, Mapping[str, Mapping[str, Path]]], list[Outcome]]
CorpusFunction = Callable[[Inputs, ConfigView, Work], Produced]
Column = Callable[[str, str], Mapping[str, Any]]
"""Stage and column -> value by row."""


@dataclass(frozen=True, kw_only=True)
class _Declared:
    name: str
    version: int
    run: str
    """The function, `module:function`: of a row stage a `RowFunction`, else a `CorpusFunction`."""
    reads: Mapping[str, Sequence[str] | None]
    """Upstream stage -> columns that are read (None: all)."""
    config: Sequence[str] = ()
    """Settings that the function may see; only these enter the key."""
    machine: Sequence[str] = ()
    """Settings that the function may see too and that cannot change what it makes; also some of a group in
    `config`, which are no part of the key then."""
    schema: pa.Schema
    """Schema of the rows; the first column identifies a row."""
    code: Sequence[str] = ()
    """Modules that the function finds by name; their code enters the key as that of imported ones does."""
    libraries: Sequence[str] = ()
    """Distributions whose versions enter the key."""
    about: str = ""
    """One line for people."""
    uses_gpu: bool | Callable[[ConfigView], bool] = False
    """Whether networks run on `compute.device`, where that depends on the settings by these."""
    writes: Callable[[ConfigView], Mapping[str, float]] | None = None
    """Bytes that the stage writes at least, per byte of an upstream stage's rows and files; None where that
    is little."""


class CodeByRow(NamedTuple):
    """Modules that the function finds by name for some rows only; they enter the keys of those rows alone.

    Attributes:
        stage, column: What decides, read of an upstream stage.
        modules: From its value and the settings to the modules' names.
    """

    stage: str
    column: str
    modules: Callable[[Any, Any], Sequence[str]]


class ColumnByRow(NamedTuple):
    """A column that settings give to some rows; it enters the keys of those rows alone.

    Attributes:
        name: What the function finds it under; None in the other rows.
        stage, columns: What decides, read of an upstream stage.
        values: The function, `module:function`, from the settings and a way to read those columns (each one
            value by row) to `Given` by row. What it gives to rows that are not there is told, and lost to no
            later run.
        label: What one value is, for `why`.
    """

    name: str
    stage: str
    columns: tuple[str, ...]
    values: str
    label: str


class Given(NamedTuple):
    """A row's value of a `ColumnByRow`; content: what of it can change what is made, `name -> value`."""

    value: Any
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RowStage(_Declared):
    """A pure function of single rows.

    The rows of all stages in `reads` are joined on their identifier (a row that one of them lacks is left
    out); a column that two of them share is taken from the first.
    """

    only: Sequence[str] = ()
    """Stages that merely restrict which rows are used."""
    broadcast: Sequence[str] = ()
    """Stages whose files every row may use."""
    code_by_row: CodeByRow | None = None
    column_by_row: ColumnByRow | None = None
    batch_rows: int | Callable[[ConfigView], int] = 1
    rows_per_shard: int = 16
    parallel: bool = True
    gpu_rows: int = 32
    """Rows at once on a GPU, all in one process: each further one would hold the weights there once more."""
    passing: Sequence[str] = ()
    """Codes of rejects that tell of the moment, not of the row: the next run tries these rows again."""


@dataclass(frozen=True, kw_only=True)
class CorpusStage(_Declared):
    """A function of whole inputs.

    `reads` of a stage with files may name patterns (`data/*`): then only those files, with the rows, enter
    the key.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Given to the function by name: plain data, by which stages share one function."""
    rejects_of: Sequence[str] = ()
    """Stages whose rejects are read as well."""
    records_of: Sequence[str] = ()
    """Stages of which it is read how they were made: key, settings, code, warnings, metrics."""
    continues: bool = False
    """Sees its own files of the voice's last run (`Work.earlier`) where nothing but its inputs has changed.
    Not in the key: what it makes with them must hold for its inputs as well as what it makes without."""
    notes: str = ""
    """`module:function` that says in words for people what the files hold; no key holds its wording."""


Stage = RowStage | CorpusStage


@dataclass(frozen=True)
class Key:
    """A stage's key and what it was made of.

    Attributes:
        function: digest of code, settings, libraries and broadcast inputs.
        action: digest of `function` and all inputs.
        parts: the same in words, for `why`.
        rows: of a row stage, identifier and key of every row that it will see, in the first input's order.
        given: of its `column_by_row`, values by row.
        unplaced: what the `column_by_row` gives to rows that are not there, in words.
    """

    function: str
    action: str
    parts: dict[str, Any] = field(compare=False)
    rows: Sequence[tuple[str, str]] = field(default=(), compare=False)
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)
    unplaced: Sequence[str] = field(default=(), compare=False)


def function_of(stage: Stage) -> Callable[..., Any]:
    """The stage's function, imported, with its arguments."""
    function: Callable[..., Any] = imported(stage.run)
    return partial(function, **stage.arguments) if isinstance(stage, CorpusStage) else function


def upstream(stage: Stage) -> list[str]:
    """Every stage that this one depends on, in declaration order."""
    names = list(stage.reads)
    if isinstance(stage, RowStage):
        names += [*stage.only, *stage.broadcast]
    else:
        names += [*stage.rejects_of, *stage.records_of]
    return list(dict.fromkeys(names))


def view(stage: Stage, settings: Any) -> ConfigView:
    """The part of the settings that the stage declared."""
    beside = (path for path in stage.machine if not any(is_in(path, group) for group in stage.config))
    return ConfigView(settings, (*stage.config, *beside))


def wants_gpu(stage: Stage, settings: Any) -> bool:
    """Whether the stage's networks run on `compute.device`, with these settings."""
    asked = stage.uses_gpu
    return asked(view(stage, settings)) if callable(asked) else asked


def config_slice(stage: Stage, settings: Any) -> dict[str, Any]:
    """The settings that decide what the stage makes, as flat `a.b.c -> value`."""
    flat: dict[str, Any] = {}
    for path in stage.config:
        value = settings
        for name in path.split("."):
            value = getattr(value, name)
        dumped = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        _flatten(path, dumped, flat)
    return {path: value for path, value in flat.items() if not any(is_in(path, one) for one in stage.machine)}


def is_in(path: str, group: str) -> bool:
    """Whether a setting is this one, or one of this group."""
    return path == group or path.startswith(f"{group}.")


def key_of(stage: Stage, settings: Any, inputs: Mapping[str, Manifest], code: Code, column: Column) -> Key:
    """The stage's key over its upstream manifests.

    Args:
        settings: Of the run; the declared part of them enters the key.
        code: Digests of modules.
        column: Reads what `code_by_row` is decided by.
    """
    modules = (stage.run.partition(":")[0], *stage.code)
    parts: dict[str, Any] = {
        "format": FORMAT,
        "version": stage.version,
        "function": stage.run,
        "reads": {
            name: None if columns is None else sorted(columns) for name, columns in stage.reads.items()
        },
        "code": code.digests(modules, settings),
        "config": config_slice(stage, settings),
        "libraries": library_versions(tuple(stage.libraries)),
        "schema": digest.of_bytes(stage.schema.remove_metadata().serialize().to_pybytes()),
    }
    if isinstance(stage, RowStage):
        parts["broadcast"] = {name: inputs[name].output for name in stage.broadcast}
        function = digest.of_value([stage.name, parts])
        by_row = _code_by_row(stage.code_by_row, settings, code, column)
        given = _column_by_row(stage.column_by_row, settings, column)
        own: dict[str, list[str]] = {name: [digest.of_value(found)] for name, found in by_row.items()}
        for name, one in given.items():
            own.setdefault(name, []).append(digest.of_value([stage.name, one.content]))
        rows = _row_keys(stage, function, inputs, own)
        parts["inputs"] = {name: inputs[name].output for name in upstream(stage)}
        parts["code"] |= {n: d for name, _ in rows for n, d in by_row.get(name, {}).items()}
        label = stage.column_by_row.label if stage.column_by_row is not None else ""
        present = {name for name, _ in rows}
        parts["config"] |= {
            f"{label} {n}": v for row, one in given.items() if row in present for n, v in one.content.items()
        }
        action = digest.of_parts([function, *(key for _, key in rows)])
        values = {name: one.value for name, one in given.items()}
        unplaced = [f"{label} {name}: there is no such clip now" for name in sorted(set(given) - present)]
        return Key(function, action, parts, rows, values, unplaced)
    # As a record gives them back, so that the two can be compared.
    parts["arguments"] = json.loads(digest.canonical_json(dict(stage.arguments)))
    parts["inputs"] = {
        **{name: part_read(inputs[name], columns) for name, columns in stage.reads.items()},
        **{f"{name}.rejects": inputs[name].rejects_digest for name in stage.rejects_of},
        **{f"{name}.record": inputs[name].key or inputs[name].output for name in stage.records_of},
    }
    function = digest.of_value([stage.name, parts])
    return Key(function, function, parts)


def _code_by_row(
    choice: CodeByRow | None, settings: Any, code: Code, column: Column
) -> dict[str, Mapping[str, str]]:
    """Row -> digests of the modules that it alone needs; rows without any are left out."""
    if choice is None:
        return {}
    values = column(choice.stage, choice.column)
    found = {
        value: code.digests(tuple(choice.modules(value, settings)), settings)
        for value in set(values.values())
    }
    return {name: found[value] for name, value in values.items() if found[value]}


def _column_by_row(choice: ColumnByRow | None, settings: Any, column: Column) -> Mapping[str, Given]:
    if choice is None:
        return {}
    read = partial(column, choice.stage)
    columns = [partial(read, name) for name in choice.columns]
    found: Mapping[str, Given] = imported(choice.values)(settings, *columns)
    return found


def _row_keys(
    stage: RowStage, function: str, inputs: Mapping[str, Manifest], own: Mapping[str, Sequence[str]]
) -> list[tuple[str, str]]:
    """`(row id, row key)` of every row that the stage will see, in the first input's order."""
    first, *others = stage.reads
    digests = {name: {row.row_id: row.digest for row in inputs[name].rows} for name in others}
    present = [{row.row_id for row in inputs[name].rows} for name in stage.only]
    keys = []
    for row in inputs[first].rows:
        if all(row.row_id in known for known in (*digests.values(), *present)):
            rest = [digests[name][row.row_id] for name in others]
            further = [*rest, *own.get(row.row_id, ())]
            keys.append((row.row_id, digest.of_parts([function, row.row_id, row.digest, *further])))
    return keys


def part_read(manifest: Manifest, patterns: Sequence[str] | None) -> str:
    """Digest of what a stage reads of a result: its rows, or the files of these patterns."""
    if not patterns or manifest.rows:
        return manifest.output
    return digest.of_parts(
        part
        for name in sorted(manifest.files)
        if any(fnmatch(name, pattern) for pattern in patterns)
        for part in (name, manifest.files[name].digest)
    )


def _flatten(prefix: str, value: Any, flat: dict[str, Any]) -> None:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            _flatten(f"{prefix}.{name}", item, flat)
    elif isinstance(value, list | tuple):
        flat[prefix] = [_by_content(item) for item in value]
    else:
        flat[prefix] = _by_content(value)


def _by_content(value: Any) -> Any:
    """A setting's value; local files count by what they are, not by where they lie."""
    is_local = isinstance(value, str) and value.startswith("/") and Path(value).exists()
    return f"content {_content_digest(value)}" if is_local else value


def _content_digest(place: str) -> str:
    files = [Path(place)] if Path(place).is_file() else sorted(Path(place).rglob("*"))
    return digest.of_parts(
        part
        for path in files
        if path.is_file()
        for part in (str(path.relative_to(place)), digest.of_unchanged_file(path))
    )
