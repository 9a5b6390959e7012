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

from artifacts import digest
from artifacts.manifest import Reject, RowRef
from artifacts.store import BlobRef, Store


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
    """Rows in the given order, restricted to some columns."""
    names = list(columns) if columns is not None else list(schema.names)
    wanted = pa.schema([schema.field(name) for name in names])
    if not rows:
        return wanted.empty_table()
    by_shard: dict[BlobRef, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        by_shard[row.blob].append(position)
    pieces, order = [], []
    for ref, positions in by_shard.items():
        with store.open(ref) as stream:
            table = pq.read_table(stream, columns=names, use_threads=False)
        pieces.append(table.take(pa.array([rows[p].at for p in positions])).cast(wanted))
        order.extend(positions)
    joined = pa.concat_tables(pieces)
    back = pa.array(sorted(range(len(order)), key=order.__getitem__))
    return joined.take(back)


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
    for _, record in store.records(f"rows/{stage}/{function}"):
        for entry in record["rows"]:
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
