"""What a stage made: rows in shards, files, rejects, measurements.

The `output` digest covers the rows' and files' content alone. It leaves out how rows are spread over
shards, counts and metrics, so that the same data made in another order is the same output.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NotRequired

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import digest, records
from artifacts.records import EXACT, Count, Name, RecordError, Sha256
from artifacts.store import BlobRef, Store


@dataclass(frozen=True)
class Reject:
    """Something that was refused, and what to do about it."""

    row_id: str
    code: str
    field: str
    value: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class RowRef:
    """One row: its identifier, its content's digest, and where it lies."""

    row_id: str
    digest: str
    shard: str
    shard_bytes: int
    at: int

    @property
    def blob(self) -> BlobRef:
        """The shard that holds the row."""
        return BlobRef(self.shard, self.shard_bytes)


RowRecord = tuple[str, str, Sha256, Count, Count]
"""Identifier, digest, shard, the shard's size, place in the shard."""


@with_config(EXACT)
class RejectRecord(TypedDict):
    """A reject as JSON."""

    row_id: str
    code: str
    field: str
    value: str
    reason: str
    remedy: str


@with_config(EXACT)
class _Parts(TypedDict):
    format: int
    version: int
    code: dict[str, str]
    config: dict[str, Any]
    libraries: dict[str, str]
    schema: str
    broadcast: NotRequired[dict[str, str]]
    # Since format 2.
    function: NotRequired[str]
    reads: NotRequired[dict[str, list[str] | None]]
    arguments: NotRequired[dict[str, Any]]
    inputs: dict[str, str]


@with_config(EXACT)
class ManifestRecord(TypedDict):
    """A manifest as JSON."""

    stage: Name
    key: Name
    output: str
    parts: _Parts
    rows: list[RowRecord]
    rejects: list[RejectRecord]
    warnings: list[str]
    files: dict[str, tuple[Sha256, Count]]
    metrics: dict[str, float]
    series: dict[str, list[tuple[int, float]]]
    notes: NotRequired[list[str]]


SHAPE = TypeAdapter(ManifestRecord)


@dataclass(frozen=True)
class Manifest:
    """The commit record of one stage under one key."""

    stage: str
    key: str
    parts: dict[str, Any]
    """What the key was made of: version, code, config, libraries, inputs."""
    rows: tuple[RowRef, ...] = ()
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()
    files: dict[str, BlobRef] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def output(self) -> str:
        """Digest of the rows' and files' content."""
        return output_digest(self.rows, self.files)

    @property
    def rejects_digest(self) -> str:
        """Digest of what was refused."""
        return digest.of_value([asdict(reject) for reject in self.rejects])

    def blobs(self) -> set[BlobRef]:
        """Every blob that must be there for this manifest to hold."""
        return {row.blob for row in self.rows} | set(self.files.values())

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "stage": self.stage,
            "key": self.key,
            "output": self.output,
            "parts": self.parts,
            "rows": [[r.row_id, r.digest, r.shard, r.shard_bytes, r.at] for r in self.rows],
            "rejects": [asdict(reject) for reject in self.rejects],
            "warnings": list(self.warnings),
            "files": {name: list(ref) for name, ref in self.files.items()},
            "metrics": self.metrics,
            "series": self.series,
            "notes": list(self.notes),
        }

    @classmethod
    def from_record(cls, record: ManifestRecord) -> Manifest:
        """From JSON of the right shape.

        Raises:
            RecordError: its rows and files are not those that its output was made of.
        """
        made = cls(
            stage=record["stage"],
            key=record["key"],
            parts={**record["parts"]},
            rows=tuple(RowRef(*row) for row in record["rows"]),
            rejects=tuple(Reject(**reject) for reject in record["rejects"]),
            warnings=tuple(record["warnings"]),
            files={name: BlobRef(*ref) for name, ref in record["files"].items()},
            metrics=record["metrics"],
            series=record["series"],
            notes=tuple(record.get("notes", ())),
        )
        if made.output != record["output"]:
            raise RecordError("output: is not the digest of its rows and files")
        return made


def output_digest(rows: tuple[RowRef, ...], files: dict[str, BlobRef]) -> str:
    """Digest of rows (in order) and files (by name)."""
    return digest.of_parts(
        [
            *(row.digest for row in rows),
            "files",
            *(part for name in sorted(files) for part in (name, files[name].digest)),
        ]
    )


def action_name(stage: str, key: str) -> str:
    """Name of a stage's commit record."""
    return f"actions/{stage}/{key}.json"


def load(store: Store, stage: str, key: str) -> Manifest | None:
    """The manifest under a key; None when there is none, or none that can be believed."""
    try:
        return checked(store, stage, key)
    except RecordError:
        return None


def checked(store: Store, stage: str, key: str) -> Manifest | None:
    """The manifest under a key, or None when there is none.

    Raises:
        RecordError: it is torn, of another shape, or another stage's.
    """
    record = store.checked_record(action_name(stage, key), SHAPE)
    if record is None:
        return None
    if (record["stage"], record["key"]) != (stage, key):
        raise RecordError(f"it is the record of {record['stage']}/{record['key']}")
    return Manifest.from_record(record)


def commit(store: Store, manifest: Manifest) -> Manifest:
    """Write the manifest; an earlier one under the key is kept beside it when it said something else.

    Returns:
        The manifest as every later look-up will read it, to the order of its names: what is made of it must
        not depend on whether it was just computed.
    """
    name = action_name(manifest.stage, manifest.key)
    earlier = load(store, manifest.stage, manifest.key)
    if earlier is not None and earlier.output != manifest.output:
        history = f"actions/{manifest.stage}/{manifest.key}.history"
        store.write_record(f"{history}/{len(store.files(history)):04d}.json", earlier.to_record())
    record = manifest.to_record()
    store.write_record(name, record)
    return Manifest.from_record(records.decode(records.encode(record), SHAPE))


def missing_blobs(store: Store, manifest: Manifest, thorough: bool = False) -> list[BlobRef]:
    """Blobs that are absent, short or (when `thorough`) changed; changed ones are set aside."""
    check = store.intact if thorough else store.holds
    return sorted(ref for ref in manifest.blobs() if not check(ref))
