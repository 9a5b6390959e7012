"""Damage in the store is found when it is read, named, and made again."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from artifacts import records
from artifacts.store import BlobRef, DamagedError, Store
from configs.errors import UserError
from tasks.pipeline import Pipeline
from tests.tasks.small_pipeline import run_all, small_pipeline

TEXTS = {"a": "one", "b": "seven", "c": "eleven", "d": "thirteen", "e": "x"}


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def blob_path(pipeline: Pipeline, ref: BlobRef) -> Path:
    return pipeline.store.local_path(ref, check=False)


@pytest.fixture
def made(tmp_path: Path) -> dict[str, tuple[str, str]]:
    return run_all(small_pipeline(tmp_path, TEXTS))


@pytest.mark.parametrize(
    ("damaged", "reader"), [("measure", "square"), ("square", "train"), ("train", "show")]
)
def test_a_run_that_reads_a_flipped_bit_makes_the_blob_again(
    made: dict[str, tuple[str, str]], tmp_path: Path, damaged: str, reader: str
):
    pipeline = small_pipeline(tmp_path, TEXTS)
    known = pipeline.known(damaged)
    ref = [*known.files.values(), *(row.blob for row in known.rows[2:])][0]
    flip(blob_path(pipeline, ref))
    results = {name: pipeline.run_stage(name, force=name == reader) for name in pipeline.stages}
    assert {name: result.output_digest for name, result in results.items()} == {
        name: output for name, (_, output) in made.items()
    }
    (note,) = results[reader].notes
    assert damaged in note
    assert ref.digest[:12] in note
    assert pipeline.store.intact(ref)
    assert set(run_all(small_pipeline(tmp_path, TEXTS, thorough=True)).values()) == {
        ("cached", output) for _, output in made.values()
    }


def test_only_the_damaged_rows_are_computed_again(made: dict[str, tuple[str, str]], tmp_path: Path):
    pipeline = small_pipeline(tmp_path, TEXTS, thorough=True)
    flip(blob_path(pipeline, pipeline.known("measure").rows[0].blob))
    result = small_pipeline(tmp_path, TEXTS, thorough=True).run_stage("measure")
    assert (result.rows_total, result.rows_computed) == (5, 2)
    assert "damaged" in result.reason


def test_without_verify_what_nobody_reads_is_trusted(made: dict[str, tuple[str, str]], tmp_path: Path):
    pipeline = small_pipeline(tmp_path, TEXTS)
    flip(blob_path(pipeline, pipeline.known("train").files["total.txt"]))
    assert {status for status, _ in run_all(small_pipeline(tmp_path, TEXTS)).values()} == {"cached"}
    verified = run_all(small_pipeline(tmp_path, TEXTS, thorough=True))
    assert verified["train"] == ("computed", made["train"][1])
    assert verified["show"][0] == "cached"


def test_forcing_a_stage_replaces_its_damaged_blob(made: dict[str, tuple[str, str]], tmp_path: Path):
    pipeline = small_pipeline(tmp_path, TEXTS)
    ref = pipeline.known("train").files["total.txt"]
    flip(blob_path(pipeline, ref))
    run_all(pipeline, force="train")
    assert pipeline.store.intact(ref)


def test_swapped_places_in_records_are_found_and_mended(made: dict[str, tuple[str, str]], tmp_path: Path):
    pipeline = small_pipeline(tmp_path, TEXTS)
    places = [pipeline.store.shown(name) for name, _ in pipeline.store.files("actions/measure")]
    places += [pipeline.store.shown(name) for name, _ in pipeline.store.files("rows/measure")]
    for place in map(Path, places):
        record = json.loads(place.read_text())
        del record["checksum"]
        rows = record["rows"]
        rows = [row for entry in rows for row in entry["rows"]] if isinstance(rows[0], dict) else rows
        if len(rows) > 1:
            rows[0][4], rows[1][4] = rows[1][4], rows[0][4]
        place.write_bytes(records.encode(record))
    with pytest.raises(DamagedError, match="holds the row 'b' where a record expects 'a'"):
        small_pipeline(tmp_path, TEXTS).table("measure")
    again = small_pipeline(tmp_path, TEXTS)
    results = run_all(again, force="square")
    assert {name: output for name, (_, output) in results.items()} == {
        name: output for name, (_, output) in made.items()
    }
    assert again.table("measure")["length"].to_pylist() == [3, 5, 6, 8, 1]


def test_whoever_only_reads_is_told_stage_and_blob(made: dict[str, tuple[str, str]], tmp_path: Path):
    pipeline = small_pipeline(tmp_path, TEXTS)
    ref = pipeline.known("square").rows[0].blob
    flip(blob_path(pipeline, ref))
    with pytest.raises(UserError) as refused:
        pipeline.table("square", ["square"])
    for part in ("stage square", ref.digest[:12], "voicewright finetune", "damaged/"):
        assert part in str(refused.value)
    assert run_all(small_pipeline(tmp_path, TEXTS))["square"] == ("computed", made["square"][1])


def test_another_result_of_what_is_made_again_asks_for_another_run(
    made: dict[str, tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pipeline = small_pipeline(tmp_path, TEXTS)
    flip(blob_path(pipeline, pipeline.known("train").files["total.txt"]))
    write = Path.write_text
    monkeypatch.setattr(Path, "write_text", lambda path, text: write(path, f"{text}, by chance"))
    with pytest.raises(UserError, match=r"train: was damaged .* run the same command again"):
        run_all(pipeline, force="show")
    monkeypatch.undo()
    assert run_all(small_pipeline(tmp_path, TEXTS))["show"][0] == "computed"


def test_a_missing_blob_is_one_message(tmp_path: Path):
    store = Store(str(tmp_path / "s"), tmp_path / "cache")
    ref = store.put_bytes(b"abc")
    Path(store.local_path(ref)).unlink()
    for read in (store.read, store.open, store.local_path):
        with pytest.raises(DamagedError, match="is missing"):
            read(ref)


def test_damage_in_a_remote_store_and_in_its_local_copies_is_found(tmp_path: Path):
    store = Store(f"memory://{tmp_path.name}", tmp_path / "cache")
    ref = store.put_bytes(b"abc" * 100)
    copy = store.local_path(ref)
    flip(copy)
    assert store.local_path(ref).read_bytes() == b"abc" * 100
    store.fs.pipe_file(store.shown(f"blobs/{ref.digest[:2]}/{ref.digest}"), b"abd" * 100)
    flip(copy)
    with pytest.raises(DamagedError, match="damaged"):
        store.local_path(ref)
    assert not store.holds(ref)
    assert store.put_bytes(b"abc" * 100) == ref
    assert store.local_path(ref).read_bytes() == b"abc" * 100


def test_a_folder_in_a_blobs_place_gives_way(tmp_path: Path):
    store = Store(str(tmp_path / "s"), tmp_path / "cache")
    ref = store.put_bytes(b"abc")
    path = store.local_path(ref)
    path.unlink()
    path.mkdir()
    (path / "mine").write_text("kept")
    assert not store.holds(ref)
    with pytest.raises(DamagedError):
        store.local_path(ref)
    store.put_bytes(b"abc")
    assert store.intact(ref)
    assert [found.read_text() for found in (tmp_path / "s" / "damaged").glob("*/mine")] == ["kept"]


def test_the_error_travels_between_processes():
    error = DamagedError(BlobRef("a" * 64, 3), "is missing", "pitch")
    sent = pickle.loads(pickle.dumps(error))
    assert (str(sent), sent.stage, sent.ref) == (str(error), "pitch", error.ref)
