"""Records: whole and of their shape, or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifacts import digest, housekeeping, manifest, records, shards
from artifacts.manifest import Manifest, RowRef
from artifacts.records import RecordError
from artifacts.store import Store

SHARD = digest.of_bytes(b"shard")
PARTS = {"format": 1, "version": 1, "code": {}, "config": {}, "libraries": {}, "schema": "", "inputs": {}}
ROWS = tuple(RowRef(f"n{at}", digest.of_bytes(bytes([at])), SHARD, 9, at) for at in range(3))
MADE = Manifest("s", "k", PARTS, rows=ROWS, metrics={"x": 0.5}, series={"y": [(1, 0.25)]})
OTHER_SHAPES = {
    "object": "{}",
    "array": "[]",
    "number": "3",
    "null": "null",
    "text": '"a"',
    "torn": '{"stage": "s", ',
    "nothing": "",
    "deep": "[" * 200_000,
    "deep and closed": '{"stages": ' + "[" * 5000 + "]" * 5000 + "}",
    "no text": "\udcff",
}


def whole() -> dict[str, Any]:
    return json.loads(json.dumps(MADE.to_record()))


def changed(**changes: Any) -> str:
    return json.dumps(whole() | changes)


WRONG_MANIFESTS = {
    "no rows": json.dumps({name: value for name, value in whole().items() if name != "rows"}),
    "rows null": changed(rows=None),
    "a row null": changed(rows=[None]),
    "a row too short": changed(rows=[["n", "d", SHARD, 9]]),
    "a row as object": changed(rows=[{"row_id": "n"}]),
    "place as text": changed(rows=[["n", "d", SHARD, 9, "0"]]),
    "place below zero": changed(rows=[["n", "d", SHARD, 9, -1]]),
    "a shard outside": changed(rows=[["n", "d", "../../secret", 9, 0]]),
    "unknown field": changed(colour="red"),
    "parts a list": changed(parts=[]),
    "code a number": changed(parts=PARTS | {"code": 3}),
    "another stage": changed(stage="t"),
    "another output": changed(output=digest.of_bytes(b"other")),
    "rows swapped": changed(rows=[*whole()["rows"][1::-1], whole()["rows"][2]]),
    "a long number": changed().replace("9, 0]", "9" * 5000 + ", 0]"),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "s"), tmp_path / "cache")


def plant(store: Store, name: str, text: str) -> Path:
    path = Path(store.shown(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(errors="surrogateescape"))
    return path


@pytest.mark.parametrize("text", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
@pytest.mark.parametrize("shape", [manifest.SHAPE, shards.SHAPE, housekeeping.VOICE])
def test_another_shape_counts_as_absent(store: Store, shape: Any, text: str):
    plant(store, "voices/v.json", text)
    assert store.read_record("voices/v.json", shape) is None
    with pytest.raises(RecordError):
        store.checked_record("voices/v.json", shape)


@pytest.mark.parametrize("text", WRONG_MANIFESTS.values(), ids=WRONG_MANIFESTS)
def test_a_manifest_that_says_something_else_counts_as_absent(store: Store, text: str):
    plant(store, "actions/s/k.json", text)
    assert manifest.load(store, "s", "k") is None


def test_a_folder_in_a_records_place_counts_as_absent_and_gives_way(store: Store):
    Path(store.shown("actions/s/k.json")).mkdir(parents=True)
    assert manifest.load(store, "s", "k") is None
    manifest.commit(store, MADE)
    assert manifest.load(store, "s", "k") == MADE


def test_a_record_without_checksum_still_counts(store: Store):
    plant(store, "actions/s/k.json", json.dumps(whole()))
    assert manifest.load(store, "s", "k") == MADE


def test_every_flipped_bit_of_a_record_is_noticed(store: Store):
    data = records.encode({"stages": {"s": "k", "t": "m"}})
    assert records.decode(data, housekeeping.VOICE) == {"stages": {"s": "k", "t": "m"}}
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RecordError):
            records.decode(bytes(flipped), housekeeping.VOICE)


def test_swapped_places_are_noticed_by_the_checksum(store: Store):
    manifest.commit(store, MADE)
    path = Path(store.shown("actions/s/k.json"))
    record = json.loads(path.read_text())
    record["rows"][0][4], record["rows"][1][4] = 1, 0
    path.write_text(json.dumps(record))
    assert manifest.load(store, "s", "k") is None


def test_lines_for_people_are_checked_too():
    data = records.encode({"stages": {"t": "k", "s": "m"}}, indent=1)
    assert data.count(b"\n") > 3
    assert list(records.decode(data, housekeeping.VOICE)["stages"]) == ["t", "s"]
    with pytest.raises(RecordError, match="checksum"):
        records.decode(data.replace(b'"m"', b'"n"'), housekeeping.VOICE)
