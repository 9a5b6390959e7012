"""What killed runs leave goes, what a run can go on from stays; `store gc` says so in one message."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from artifacts import records
from configs.errors import UserError
from models.frontend import espeak_copies
from tasks.run_record import read_run, run_path, voices
from tasks.tidying import leftovers, tidy
from tests.artifacts.test_records import OTHER_SHAPES
from tests.command_line import Call, called_in
from tests.tasks.small_pipeline import run_all, small_pipeline

TEXTS = {"a": "one", "b": "seven"}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run `voicewright ...` in the test's workspace: status, output, errors."""
    return called_in(tmp_path, monkeypatch, capsys, wraps=False)


def names(workspace: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in leftovers(workspace):
        if workspace in one.path.parents:
            found.setdefault(one.kind, set()).add(str(one.path.relative_to(workspace)))
    return found


def interrupted(workspace: Path, stage: str, key: str, voice: str = "v") -> Path:
    """A scratch folder with a checkpoint, as a killed run leaves it."""
    folder = workspace / "work" / stage / key[:32]
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_text("3 days")
    folder.with_name(f"{folder.name}.lock").touch()
    path = run_path(workspace, voice)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"request": None, "stages": {}, "begun": {stage: key}}
    path.write_bytes(records.encode(record, indent=1))
    return folder


def test_a_finished_run_leaves_nothing_but_locks(tmp_path: Path):
    run_all(small_pipeline(tmp_path, TEXTS))
    assert {kind: len(paths) for kind, paths in names(tmp_path).items()} == {"work folders": 2}
    assert all(path.endswith(".lock") for path in names(tmp_path)["work folders"])
    assert not read_run(tmp_path, "v")["begun"]


def test_checkpoints_of_what_the_voice_last_began_stay(tmp_path: Path):
    folder = interrupted(tmp_path, "train", "a" * 64)
    older = interrupted(tmp_path, "train", "b" * 64)
    folder_again = run_path(tmp_path, "v")
    folder_again.write_bytes(
        records.encode({"request": None, "stages": {}, "begun": {"train": "a" * 64}}, indent=1)
    )
    tidy(small_pipeline(tmp_path, TEXTS).store, tmp_path, dry_run=False, wait_s=1)
    assert (folder / "checkpoint").read_text() == "3 days"
    assert not older.exists()
    assert not older.with_name(f"{older.name}.lock").exists()


def test_an_interrupted_stage_is_noted_and_its_folder_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pipeline = small_pipeline(tmp_path, TEXTS)
    monkeypatch.setattr("tests.tasks.small_pipeline.TRAIN_S", "a fault in the middle")
    with pytest.raises(TypeError):
        run_all(pipeline)
    pipeline.close()
    key = read_run(tmp_path, "v")["begun"]["train"]
    folder = tmp_path / "work" / "train" / key[:32]
    assert folder.is_dir()
    assert names(tmp_path) == {}
    monkeypatch.undo()
    run_all(small_pipeline(tmp_path, TEXTS))
    assert not folder.exists()


def test_a_folder_whose_lock_is_held_stays(tmp_path: Path):
    folder = interrupted(tmp_path, "train", "a" * 64)
    run_path(tmp_path, "v").unlink()
    with folder.with_name(f"{folder.name}.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert names(tmp_path) == {}
    assert names(tmp_path)["work folders"] == {f"work/train/{'a' * 32}", f"work/train/{'a' * 32}.lock"}


def test_half_written_files_and_folders_go(tmp_path: Path):
    token = "0123456789abcdef" * 2
    for name in (
        f"runs/v/.run.json.{token}",
        f"cache/.digests.json.{token}",
        f"voices/.v.{token}/voice.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
    (tmp_path / "voices" / f".v.{token}.old").mkdir()
    (tmp_path / "voices" / ".mine").write_text("a file of the user's")
    store = small_pipeline(tmp_path, TEXTS).store
    counted = tidy(store, tmp_path, dry_run=True, wait_s=1)
    assert {one.kind: one.number for one in counted}["partial files"] == 4
    tidy(store, tmp_path, dry_run=False, wait_s=1)
    assert names(tmp_path) == {}
    assert sorted(path.name for path in (tmp_path / "voices").iterdir()) == [".mine"]


@pytest.mark.slow
def test_espeak_copies_of_dead_processes_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os; from models.frontend import espeak, espeak_copies as c; espeak.voices();"
        "from models.frontend.text.espeak_ipa import espeak_words; espeak_words(['eins'], 'de');"
        "print(c.copies_folder(), flush=True); {end}"
    )
    root = Path(__file__).resolve().parents[2]

    def folder(end: str) -> Path:
        done = subprocess.run(
            [sys.executable, "-c", code.format(end=end)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(root)},
        )
        assert done.stderr == ""
        return Path(done.stdout.strip())

    assert not folder("pass").exists()
    assert list(tmp_path.iterdir()) == []
    left = folder("os.kill(os.getpid(), 9)")
    assert list(tmp_path.iterdir()) == [left]
    assert espeak_copies.abandoned() == [left]
    with (left / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert espeak_copies.abandoned() == []


@pytest.mark.parametrize("text", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_a_run_record_of_another_shape_is_named_and_hides_no_voice(tmp_path: Path, call: Call, text: str):
    for voice in ("good", "torn"):
        run_all(small_pipeline(tmp_path, TEXTS, voice))
    path = run_path(tmp_path, "torn")
    path.write_bytes(text.encode(errors="surrogateescape"))
    before = sorted(tmp_path.rglob("*"))
    status, _, said = call("store", "gc")
    assert status == 2
    assert str(path) in said
    assert "voicewright finetune" in said
    assert sorted(found for found in tmp_path.rglob("*") if found.name != "gate") == [
        found for found in before if found.name != "gate"
    ]

    status, listed, _ = call("voices", "--json")
    assert status == 0
    found = {row["voice"]: row["error"] for row in json.loads(listed)}
    assert found["good"] is None
    assert str(path) in found["torn"]
    status, _, said = call("status", "torn")
    assert status == 2
    assert str(path) in said

    assert {status for status, _ in run_all(small_pipeline(tmp_path, TEXTS, "torn")).values()} == {"cached"}
    assert set(read_run(tmp_path, "torn")["stages"]) == {"measure", "square", "train", "show"}
    assert call("store", "gc")[0] == 0


def test_a_torn_voice_record_stops_gc_and_the_next_run_writes_all_of_it(tmp_path: Path, call: Call):
    run_all(small_pipeline(tmp_path, TEXTS))
    path = tmp_path / "store" / "voices" / "v.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    status, _, said = call("store", "gc")
    assert status == 2
    assert str(path) in said
    pipeline = small_pipeline(tmp_path, TEXTS)
    pipeline.run_stage("measure")  # and no further, as with --until
    pipeline.close()
    assert path.read_bytes() == whole
    status, output, _ = call("store", "gc", "--json")
    assert status == 0
    kinds = {one["kind"]: one["number"] for one in json.loads(output)["kinds"]}
    assert kinds["records"] == kinds["blobs"] == 0
    assert voices(tmp_path) == ["v"]


def test_a_voice_that_was_given_up_does_not_come_back_as_a_record_of_nothing(tmp_path: Path, call: Call):
    run_all(small_pipeline(tmp_path, TEXTS))
    (tmp_path / "store" / "voices" / "v.json").unlink()
    assert call("store", "gc")[0] == 0
    pipeline = small_pipeline(tmp_path, TEXTS)
    pipeline.run_stage("measure")
    pipeline.close()
    assert call("store", "gc")[0] == 0


def test_ls_names_what_is_damaged_or_foreign(tmp_path: Path, call: Call):
    run_all(small_pipeline(tmp_path, TEXTS))
    (tmp_path / "store" / "blobs" / "notes.txt").write_text("mine")
    (torn,) = (tmp_path / "store" / "actions" / "train").glob("*.json")
    torn.write_text("{")
    status, listed, said = call("store", "ls", "--json")
    assert status == 0
    assert {row["stage"] for row in json.loads(listed)} == {"measure", "square", "show"}
    assert str(torn) in said
    assert "notes.txt" in said
    status, listed, _ = call("store", "verify", "--json")
    assert status == 1
    assert json.loads(listed)["removed"] == [f"actions/train/{torn.name}"]
    assert run_all(small_pipeline(tmp_path, TEXTS))["train"][0] == "computed"


def test_gc_beside_a_run_that_does_not_pause_removes_nothing(tmp_path: Path, call: Call):
    pipeline = small_pipeline(tmp_path, TEXTS)
    run_all(pipeline)
    with pipeline.using():
        status, _, said = call("store", "gc", "--wait", "0.1")
    assert status == 2
    assert "in use" in said
    assert "--wait" in said


@pytest.mark.slow
def test_a_record_of_the_last_tracking_run_of_another_shape_counts_as_absent(tmp_path: Path):
    from flows.tracked import _TRACKED

    path = tmp_path / "tracked.json"
    assert records.read_file(path, _TRACKED) is None
    for text in OTHER_SHAPES.values():
        path.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(records.RecordError):
            records.read_file(path, _TRACKED)


@pytest.mark.parametrize("text", OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_remembered_digests_of_another_shape_are_none(tmp_path: Path, text: str):
    from tasks.corpus.digests import DigestCache

    (tmp_path / "r").mkdir()
    (tmp_path / "r" / os.fsdecode(b"\xff.wav")).write_bytes(b"sound")
    os.utime(tmp_path / "r" / os.fsdecode(b"\xff.wav"), (1, 1))
    file = tmp_path / "digests.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    cache = DigestCache(file, tmp_path / "r")
    digest = cache.of(os.fsdecode(b"\xff.wav"))
    cache.save()
    assert DigestCache(file, tmp_path / "r")._known.popitem()[1][3] == digest


def test_a_folder_where_a_file_is_written_is_one_message(tmp_path: Path):
    run_path(tmp_path, "v").mkdir(parents=True)
    with pytest.raises(UserError, match=r"run\.json: is a folder"):
        run_all(small_pipeline(tmp_path, TEXTS))
