"""Rows in immutable Parquet shards, and the index that lets single rows be reused.

A shard is a Parquet file of a few rows, stored as a blob. Beside it lies a record of the row keys it was
made for; a row key that is found there, with its shard whole, need not be computed again.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import digest
from artifacts.manifest import Reject, RejectRecord, RowRecord, RowRef
from artifacts.records import EXACT
from artifacts.store import BlobRef, DamagedError, Store


@with_config(EXACT)
class _Entry(TypedDict):
    key: str
    rows: list[RowRecord]
    rejects: list[RejectRecord]
    warnings: list[str]


@with_config(EXACT)
class IndexRecord(TypedDict):
    """Which row keys a shard answers, as JSON."""

    rows: list[_Entry]


SHAPE = TypeAdapter(IndexRecord)


class MisplacedRowError(DamagedError):
    """The shard is whole, but the rows that a record expects in it are others."""


@dataclass(frozen=True)
class RowOutcome:
    """What one row key led to: rows, rejects, warnings (all three may be empty)."""

    rows: tuple[RowRef, ...]
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...]


def write_rows(store: Store, schema: pa.Schema, rows: Sequence[dict[str, Any]]) -> list[RowRef]:
    """Store rows as one shard; the first column is their identifier."""
    if not rows:
        return []
    table = pa.Table.from_pylist(list(rows), schema=schema)
    return write_table(store, table)


def write_table(store: Store, table: pa.Table) -> list[RowRef]:
    """Store a table as one shard."""
    if table.num_rows == 0:
        return []
    sink = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(None),
        sink,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
        row_group_size=16,
    )
    ref = store.put_bytes(sink.getvalue())
    identifiers = table.column(0).to_pylist()
    return [
        RowRef(str(name), row_digest, ref.digest, ref.size_bytes, at)
        for at, (name, row_digest) in enumerate(zip(identifiers, digest.of_rows(table), strict=True))
    ]


def read_table(
    store: Store, schema: pa.Schema, rows: Sequence[RowRef], columns: Iterable[str] | None = None
) -> pa.Table:
    """Rows in the given order, restricted to some columns.

    Raises:
        DamagedError: a shard is missing or changed, or holds other rows than the references say.
    """
    names = list(columns) if columns is not None else list(schema.names)
    wanted = pa.schema([schema.field(name) for name in names])
    if not rows:
        return wanted.empty_table()
    # The identifier comes along even where nobody asked for it: it tells whether these are the rows meant.
    identifier = schema.names[0]
    read = names if identifier in names else [identifier, *names]
    by_shard: dict[BlobRef, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        by_shard[row.blob].append(position)
    pieces, order = [], []
    for ref, positions in by_shard.items():
        with store.open(ref) as stream:
            table = pq.read_table(stream, columns=read, use_threads=False)
        chosen = [rows[p] for p in positions]
        pieces.append(_taken(table, chosen, identifier).select(names).cast(wanted))
        order.extend(positions)
    joined = pa.concat_tables(pieces)
    back = pa.array(sorted(range(len(order)), key=order.__getitem__))
    return joined.take(back)


def _taken(table: pa.Table, rows: Sequence[RowRef], identifier: str) -> pa.Table:
    """The rows of one shard, seen to be the ones that are meant."""
    ref = rows[0].blob
    if any(row.at >= table.num_rows for row in rows):
        raise MisplacedRowError(ref, f"has {table.num_rows} rows, and a record expects more")
    taken = table.take(pa.array([row.at for row in rows]))
    for row, found in zip(rows, taken.column(identifier).to_pylist(), strict=True):
        if str(found) != row.row_id:
            raise MisplacedRowError(ref, f"holds the row {found!r} where a record expects {row.row_id!r}")
    return taken


def forget_misplaced(store: Store, stage: str, schema: pa.Schema) -> None:
    """Remove every index record of a stage that expects other rows in a shard than it holds."""
    for name, _ in store.files(f"rows/{stage}"):
        record = store.read_record(name, SHAPE)
        entries = record["rows"] if record is not None else []
        try:
            rows = [RowRef(*row) for entry in entries for row in entry["rows"]]
            read_table(store, schema, rows, schema.names[:1])
        except MisplacedRowError:
            store.discard_record(name)
        except DamagedError:  # the blob's own fault; its rows are a miss by now
            continue


def read_values(store: Store, rows: Sequence[RowRef], column: str) -> dict[str, Any]:
    """One column's value by row, read without pandas, which `read_table` would import to ask for little."""
    values: dict[BlobRef, list[Any]] = {}
    for row in rows:
        if row.blob not in values:
            with store.open(row.blob) as stream:
                values[row.blob] = (
                    pq.ParquetFile(stream).read([column], use_threads=False)[column].to_pylist()
                )
    return {row.row_id: values[row.blob][row.at] for row in rows}


def write_index(store: Store, stage: str, function: str, outcomes: Sequence[tuple[str, RowOutcome]]) -> None:
    """Record which row keys a shard answers."""
    record = {
        "rows": [
            {
                "key": key,
                "rows": [[r.row_id, r.digest, r.shard, r.shard_bytes, r.at] for r in outcome.rows],
                "rejects": [asdict(reject) for reject in outcome.rejects],
                "warnings": list(outcome.warnings),
            }
            for key, outcome in outcomes
        ]
    }
    name = digest.of_parts(key for key, _ in outcomes)
    store.write_record(f"rows/{stage}/{function}/{name}.json", record)


def read_index(store: Store, stage: str, function: str, thorough: bool = False) -> dict[str, RowOutcome]:
    """Every row key that can be answered without computing; keys whose shard is not whole are left out."""
    check = store.intact if thorough else store.holds
    whole: dict[BlobRef, bool] = {}
    answers: dict[str, RowOutcome] = {}
    for name, _ in store.files(f"rows/{stage}/{function}"):
        record = store.read_record(name, SHAPE)
        for entry in record["rows"] if record is not None else ():
            rows = tuple(RowRef(*row) for row in entry["rows"])
            for row in rows:
                if row.blob not in whole:
                    whole[row.blob] = check(row.blob)
            if all(whole[row.blob] for row in rows):
                answers[entry["key"]] = RowOutcome(
                    rows,
                    tuple(Reject(**reject) for reject in entry["rejects"]),
                    tuple(entry["warnings"]),
                )
    return answers
