"""The store: whole or absent, verified, shared, collected."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import digest, housekeeping, manifest, shards
from artifacts.manifest import Manifest, RowRef
from artifacts.store import BlobRef, Store
from configs.errors import UserError

PARTS = {"format": 1, "version": 1, "code": {}, "config": {}, "libraries": {}, "schema": "", "inputs": {}}
SCHEMA = pa.schema([("name", pa.string()), ("value", pa.float32()), ("audio", pa.binary())])


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return Store(url, tmp_path / "cache")


def rows(count: int) -> list[dict]:
    return [{"name": f"n{i}", "value": i / 3, "audio": bytes([i]) * 100} for i in range(count)]


def test_bytes_come_back(store: Store, tmp_path: Path):
    ref = store.put_bytes(b"abc")
    assert store.read(ref) == b"abc"
    assert store.local_path(ref).read_bytes() == b"abc"
    assert store.intact(ref)
    assert not store.holds(BlobRef(digest.of_bytes(b"other"), 5))


def test_file_and_bytes_of_one_content_are_one_blob(store: Store, tmp_path: Path):
    (tmp_path / "f").write_bytes(b"xyz" * 1000)
    assert store.put_file(tmp_path / "f") == store.put_bytes(b"xyz" * 1000)
    assert len(list(store.blobs())) == 1


def test_rows_come_back_in_the_asked_order(store: Store):
    first = shards.write_rows(store, SCHEMA, rows(4))
    second = shards.write_rows(store, SCHEMA, [{"name": "z", "value": 9.0, "audio": b""}])
    wanted = [second[0], first[3], first[0]]
    table = shards.read_table(store, SCHEMA, wanted)
    assert table["name"].to_pylist() == ["z", "n3", "n0"]
    assert shards.read_table(store, SCHEMA, wanted, ["value"]).column_names == ["value"]


@pytest.mark.slow
@given(st.lists(st.tuples(st.text(max_size=5), st.floats(width=32, allow_nan=False)), min_size=1, max_size=8))
def test_row_digest_is_of_the_row_alone(pairs: list[tuple[str, float]]):
    table = pa.Table.from_pylist(
        [{"name": n, "value": v, "audio": n.encode()} for n, v in pairs], schema=SCHEMA
    )
    whole = digest.of_rows(table)
    alone = [digest.of_rows(table.slice(at, 1))[0] for at in range(len(pairs))]
    assert whole == alone
    assert len(set(whole)) == len({(n, str(v)) for n, v in pairs})


def test_output_digest_ignores_how_rows_are_sharded(store: Store):
    together = tuple(shards.write_rows(store, SCHEMA, rows(3)))
    apart = tuple(ref for row in rows(3) for ref in shards.write_rows(store, SCHEMA, [row]))
    assert {r.shard for r in together} != {r.shard for r in apart}
    assert manifest.output_digest(together, {}) == manifest.output_digest(apart, {})


def test_torn_record_counts_as_absent(tmp_path: Path):
    store = Store(str(tmp_path / "s"), tmp_path / "cache")
    store.write_record("voices/v.json", {"stages": {"s": "k"}})
    (tmp_path / "s" / "voices" / "v.json").write_text('{"stages": ')
    assert store.read_record("voices/v.json", housekeeping.VOICE) is None


def test_forced_run_with_another_result_keeps_the_earlier_record(store: Store):
    one = Manifest("s", "k", PARTS, rows=tuple(shards.write_rows(store, SCHEMA, rows(1))))
    two = Manifest("s", "k", PARTS, rows=tuple(shards.write_rows(store, SCHEMA, rows(2))))
    for made in (one, one, two):
        manifest.commit(store, made)
    history = [name for name, _ in store.files("actions/s/k.history")]
    assert [store.read_record(name, manifest.SHAPE)["output"] for name in history] == [one.output]
    assert manifest.load(store, "s", "k").output == two.output


def test_verify_removes_what_was_damaged(tmp_path: Path):
    store = Store(str(tmp_path / "s"), tmp_path / "cache")
    good, bad = store.put_bytes(b"good"), store.put_bytes(b"was right")
    store.local_path(bad).write_bytes(b"is broken")
    found = {name.rsplit("/", 1)[-1]: whole for name, whole in housekeeping.verify(store)}
    assert found == {good.digest: True, bad.digest: False}
    assert store.holds(good)
    assert not store.holds(bad)


def test_collect_keeps_what_a_voice_reaches(store: Store):
    kept = Manifest("s", "kept", PARTS, rows=tuple(shards.write_rows(store, SCHEMA, rows(2))))
    lost = Manifest("s", "lost", PARTS, rows=tuple(shards.write_rows(store, SCHEMA, rows(5))))
    for made in (kept, lost):
        manifest.commit(store, made)
    store.write_record("voices/v.json", {"stages": {"s": "kept"}})
    before = housekeeping.collect(store, dry_run=True)
    assert len(list(store.blobs())) == 2
    assert housekeeping.collect(store) == before
    assert manifest.load(store, "s", "kept") == kept
    assert manifest.missing_blobs(store, kept) == []
    assert manifest.load(store, "s", "lost") is None
    assert len(list(store.blobs())) == 1


def test_unknown_protocol_is_the_users_to_mend(tmp_path: Path):
    with pytest.raises(UserError, match=r"store\.url"):
        Store("nosuch://bucket", tmp_path)


def test_copied_folder_is_a_shared_cache(tmp_path: Path):
    store = Store(str(tmp_path / "a"), tmp_path / "cache")
    made = Manifest("s", "k", PARTS, rows=tuple(shards.write_rows(store, SCHEMA, rows(3))))
    manifest.commit(store, made)
    (tmp_path / "a").rename(tmp_path / "b")
    moved = Store(str(tmp_path / "b"), tmp_path / "cache")
    assert manifest.load(moved, "s", "k") == made
    assert manifest.missing_blobs(moved, made, thorough=True) == []


WRITER = """
import sys
from pathlib import Path
from artifacts.store import Store
store = Store(sys.argv[1], Path(sys.argv[1]) / "cache")
number = 0
while True:
    store.put_bytes(number.to_bytes(8, "little") * 200_000)
    number += 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("wait_s", [0.9, 1.3, 1.7])
def test_killed_writer_leaves_only_whole_blobs(tmp_path: Path, wait_s: float):
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "s")], cwd=root) as writer:
        time.sleep(wait_s)
        writer.kill()
    store = Store(str(tmp_path / "s"), tmp_path / "cache")
    assert all(store.intact(ref) for ref in store.blobs())


def test_row_reference_travels_through_json(store: Store):
    row = RowRef("n", "d", digest.of_bytes(b"s"), 3, 0)
    made = Manifest("s", "k", PARTS, rows=(row,), metrics={"x": 0.5})
    manifest.commit(store, made)
    assert manifest.load(store, "s", "k") == made
