"""Looking after the store: what is in it, whether it is whole, what can go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from artifacts.manifest import Manifest
from artifacts.store import BlobRef, Store


class StageSummary(NamedTuple):
    """What a stage has stored."""

    stage: str
    results: int
    voices: list[str]
    size_bytes: int


class Swept(NamedTuple):
    """What was (or would be) removed."""

    records: int
    blobs: int
    size_bytes: int


def summary(store: Store) -> list[StageSummary]:
    """One line per stage: number of results, which voices keep any, size of their blobs."""
    kept: dict[str, set[str]] = defaultdict(set)
    for voice, stage, _ in _roots(store):
        kept[stage].add(voice)
    results: dict[str, int] = defaultdict(int)
    blobs: dict[str, set[BlobRef]] = defaultdict(set)
    for name, record in store.records("actions"):
        if name.count("/") == 2:
            results[record["stage"]] += 1
            blobs[record["stage"]] |= Manifest.from_record(record).blobs()
    return [
        StageSummary(stage, results[stage], sorted(kept[stage]), sum(ref.size_bytes for ref in blobs[stage]))
        for stage in sorted(results)
    ]


def verify(store: Store) -> Iterator[tuple[BlobRef, bool]]:
    """Every blob with whether it is whole; one that is not is removed, which makes it a miss."""
    for ref in list(store.blobs()):
        whole = store.intact(ref)
        if not whole:
            store.discard_blob(ref.digest)
        yield ref, whole


def collect(store: Store, dry_run: bool = False) -> Swept:
    """Remove records and blobs that no voice reaches.

    Records go before blobs: a record never outlives what it names, even when this is interrupted.
    """
    reached_actions = {f"actions/{stage}/{key}.json" for _, stage, key in _roots(store)}
    reached_blobs: set[str] = set()
    dead = []
    for name, record in store.records("actions"):
        if name in reached_actions:
            reached_blobs |= {ref.digest for ref in Manifest.from_record(record).blobs()}
        else:
            dead.append(name)
    for name, record in store.records("rows"):
        shards = {row[2] for entry in record["rows"] for row in entry["rows"]}
        if not shards <= reached_blobs:
            dead.append(name)
    loose = [ref for ref in store.blobs() if ref.digest not in reached_blobs]
    if not dry_run:
        for name in dead:
            store.discard_record(name)
        for ref in loose:
            store.discard_blob(ref.digest)
    return Swept(len(dead), len(loose), sum(ref.size_bytes for ref in loose))


def _roots(store: Store) -> Iterator[tuple[str, str, str]]:
    for name, record in store.records("voices"):
        voice = name.removeprefix("voices/").removesuffix(".json")
        for stage, key in record["stages"].items():
            yield voice, stage, key
