"""`gc` harms nobody: what cannot be told stops it, who uses the store keeps it waiting."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from artifacts import housekeeping, leases, manifest, shards
from artifacts.manifest import Manifest
from artifacts.store import Store
from configs.errors import UserError
from tests.artifacts.gc_beside import storm
from tests.artifacts.test_records import OTHER_SHAPES, PARTS, plant

SCHEMA = pa.schema([("name", pa.string())])


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}"
    return Store(url, tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    """A store with one voice, an index of its rows, and something that nobody keeps."""
    store = Store(str(tmp_path / "store"), tmp_path / "cache")
    make(store, "kept")
    store.write_record("voices/v.json", {"stages": {"s": "kept"}})
    make(store, "loose")
    return store


def make(store: Store, key: str) -> Manifest:
    refs = shards.write_rows(store, SCHEMA, [{"name": key}])
    shards.write_index(store, "s", "f", [(key, shards.RowOutcome(tuple(refs), (), ()))])
    return manifest.commit(store, Manifest("s", key, PARTS, rows=tuple(refs)))


def everything(store: Store) -> dict[str, bytes]:
    root = Path(store.root)
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "leases" not in path.parts
    }


def number(swept: list[housekeeping.Swept]) -> dict[str, int]:
    return {one.kind: one.number for one in swept}


@pytest.mark.parametrize("text", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
@pytest.mark.parametrize("name", ["voices/v.json", "actions/s/kept.json", "rows"])
def test_a_record_that_cannot_be_believed_stops_it(folder: Store, name: str, text: str):
    if name == "rows":
        name = folder.files("rows")[0][0]
    path = plant(folder, name, text)
    before = everything(folder)
    with pytest.raises(UserError) as refused:
        housekeeping.collect(folder)
    assert str(path) in str(refused.value)
    assert "nothing was removed" in str(refused.value)
    assert "voicewright" in str(refused.value)
    assert everything(folder) == before


def test_a_folder_in_a_voices_place_stops_it(folder: Store):
    path = Path(folder.shown("voices/v.json"))
    path.unlink()
    path.mkdir()
    before = everything(folder)
    with pytest.raises(UserError, match="folder"):
        housekeeping.collect(folder)
    assert everything(folder) == before


def test_a_voice_whose_result_is_gone_stops_it(folder: Store):
    Path(folder.shown("actions/s/kept.json")).unlink()
    before = everything(folder)
    with pytest.raises(UserError, match="is missing, and the voice v needs it"):
        housekeeping.collect(folder)
    assert everything(folder) == before


def test_a_torn_record_that_nobody_keeps_goes(folder: Store):
    plant(folder, "actions/s/loose.json", '{"stage": ')
    assert number(housekeeping.collect(folder))["records"] == 2
    assert manifest.missing_blobs(folder, manifest.load(folder, "s", "kept"), thorough=True) == []


def test_foreign_files_are_named_and_left_alone(folder: Store):
    names = ["blobs/notes.txt", "blobs/aa/" + "b" * 64, "voices/old.bak", "actions/s/notes.md"]
    paths = [plant(folder, name, "mine") for name in names]
    housekeeping.collect(folder)
    list(housekeeping.verify(folder))
    assert housekeeping.foreign(folder) == sorted(names)
    assert all(path.read_text() == "mine" for path in paths)


def test_what_writers_left_goes_and_a_dry_run_counts_it(folder: Store):
    plant(folder, "tmp/" + "0" * 32, "half")
    bad = folder.put_bytes(b"was right")
    Path(folder.shown(f"blobs/{bad.digest[:2]}/{bad.digest}")).write_bytes(b"is broken")
    assert not folder.intact(bad)
    before = everything(folder)
    expected = {"records": 2, "blobs": 1, "damaged blobs": 1, "unfinished writes": 1}
    assert number(housekeeping.collect(folder, dry_run=True)) == expected
    assert everything(folder) == before
    assert number(housekeeping.collect(folder)) == expected
    assert set(number(housekeeping.collect(folder)).values()) == {0}


def test_what_a_run_has_pinned_stays_until_it_ends(store: Store):
    with store.gate().shared():
        pins = store.pins()
        pins.add("s", "found")
        pins.add("s", "being_made")
    made = make(store, "found")
    make(store, "loose")
    housekeeping.collect(store)
    assert manifest.load(store, "s", "found") == made
    assert manifest.missing_blobs(store, made) == []
    assert manifest.load(store, "s", "loose") is None
    pins.close()
    housekeeping.collect(store)
    assert list(store.blobs()) == []


def test_rows_of_a_stage_that_was_killed_stay_until_it_is_done(store: Store):
    refs = shards.write_rows(store, SCHEMA, [{"name": "finished"}])
    shards.write_index(store, "s", "f", [("finished", shards.RowOutcome(tuple(refs), (), ()))])
    store.write_record("voices/v.json", {"stages": {}, "rows": {"s": "f"}})
    make(store, "loose")
    housekeeping.collect(store)
    assert set(shards.read_index(store, "s", "f")) == {"finished", "loose"}
    store.write_record("voices/v.json", {"stages": {}, "rows": {"s": "another"}})
    housekeeping.collect(store)
    assert shards.read_index(store, "s", "f") == {}
    assert list(store.blobs()) == []


def test_it_gives_way_to_whoever_is_inside(store: Store):
    ref = store.put_bytes(b"just written, and no record yet")
    told: list[str] = []
    with store.gate().shared():
        with pytest.raises(UserError, match="in use"), store.gate().alone(0.2, lambda: told.append("wait")):
            pass
        with store.gate().shared():
            assert store.holds(ref)
    assert told == ["wait"]
    housekeeping.collect(store, wait_s=0)
    assert not store.holds(ref)


def test_runs_wait_for_it(store: Store):
    order: list[str] = []

    def run() -> None:
        with store.gate().shared(lambda: order.append("waits")):
            order.append("run")

    with store.gate().alone(1):
        waiting = threading.Thread(target=run)
        waiting.start()
        time.sleep(0.3)
        order.append("gc")
    waiting.join()
    assert order == ["waits", "gc", "run"]


@pytest.mark.slow
def test_two_at_once_do_not_meet(store: Store):
    inside = 0

    def clean() -> None:
        nonlocal inside
        with store.gate().alone(30):
            inside += 1
            assert inside == 1
            time.sleep(0.1)
            inside -= 1

    threads = [threading.Thread(target=clean) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.gate().alone(0):
        assert inside == 0


def test_an_object_that_nobody_writes_anew_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(f"memory://{tmp_path.name}", tmp_path / "cache")
    prefix = store.shown("leases")
    for kind in ("inside-1", "alone-1", "pins-1.json"):
        store.fs.pipe_file(f"{prefix}/{kind}", b"{}")
    monkeypatch.setattr(leases, "ABANDONED_S", 0.2)
    time.sleep(0.3)
    with store.gate().alone(0):
        assert store.pinned() == set()
    assert store.entries("leases") == []


@pytest.mark.slow
def test_a_beat_that_fails_once_does_not_end_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(f"memory://{tmp_path.name}", tmp_path / "cache")
    monkeypatch.setattr(leases, "BEAT_S", 0.05)
    monkeypatch.setattr(leases, "BEAT_AGAIN_S", 0.05)
    monkeypatch.setattr(leases, "ABANDONED_S", 0.5)
    pins = store.pins()
    pins.add("s", "read")
    write, failures = type(store.fs).pipe_file, []

    def failing(fs: object, path: str, value: bytes, *further: object, **named: object) -> object:
        if not failures:
            failures.append(path)
            raise OSError("503: slow down")
        return write(fs, path, value, *further, **named)

    monkeypatch.setattr(type(store.fs), "pipe_file", failing)
    time.sleep(1.0)
    assert failures
    assert store.pinned() == {("s", "read")}
    pins.close()


@pytest.mark.slow
def test_a_loop_of_clean_ups_beside_two_pipelines_takes_nothing_that_they_need(tmp_path: Path):
    counts = storm(tmp_path, seconds=6)
    assert (counts["lost"], counts["died"]) == (0, 0)
    assert counts["whole"] > 1
    assert counts["cleaned"] + counts["found nothing"] > 1
