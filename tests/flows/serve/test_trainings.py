"""Voices made over the API: started once, looked at, stopped, found again by another server."""

from __future__ import annotations

import errno
import io
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from artifacts.store import write_atomically
from flows.serve import trainings as module
from flows.serve.faults import ApiError
from flows.serve.recordings import offered_folders, own_names
from flows.serve.trainings import Training, Trainings, asked_now
from flows.supervisor import started_at
from tasks.run_record import read_run, write_run
from tasks.voice import Request
from tests.flows.serve.served import Served, served, write_voice, write_weights
from tests.tasks.corpus.folders import folder, scan

STAND_IN = """
import signal, sys, time
from pathlib import Path
from flows.progress_file import ProgressFile
from tasks.recipe import with_recipe
from tasks.run_record import write_run
from tasks.voice import Request
from tasks.watching import Advance

workspace, recordings = Path(sys.argv[2]), sys.argv[4]
given = dict(zip(sys.argv[5::2], sys.argv[6::2]))
voice = given["--voice"]
sets = tuple(value for name, value in zip(sys.argv[5::2], sys.argv[6::2]) if name == "--set")
asked = Request(Path(recordings), voice, given.get("--preset"), None, sets)
write_run(workspace, voice, {"request": with_recipe(workspace, asked).as_record(), "stages": {}})
progress = ProgressFile(workspace, voice, ["ingest", "train", "export"])
if voice == "bad":
    progress.end("failed")
    print("error: corpus: nothing can be used; record more", file=sys.stderr)
    sys.exit(2)
def stop(*_):
    progress.end("stopped")
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
progress.started("train")
time.sleep(1.1)
progress.advanced("train", Advance(29, 40))
time.sleep(2.1)
progress.advanced("train", Advance(30, 40, "loss 0.5"))
while not (workspace / f"go-{voice}").exists():
    time.sleep(0.05)
progress.end("finished")
"""


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """Plays `voicewright finetune`: runs until a file is there, ends well when it is told to stop."""
    path = tmp_path / "stand_in.py"
    path.write_text(STAND_IN)
    return (sys.executable, str(path))


@pytest.fixture
def making(tmp_path: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    (tmp_path / "offered" / "talks").mkdir(parents=True)
    (tmp_path / "offered" / "leads out").symlink_to("/etc")
    with served(write_weights(tmp_path / "w"), recordings=(tmp_path / "offered",), command=command) as server:
        yield server


def start(server: Served, voice: str, key: str = "", **fields: str) -> httpx.Response:
    body = {"voice": voice, "folder": "talks", **fields}
    headers = {"Idempotency-Key": key} if key else {}
    return httpx.post(f"{server.url}/v1/voices", json=body, headers=headers, timeout=60)


def state(server: Served, voice: str) -> dict:
    return httpx.get(f"{server.url}/v1/voices/{voice}").json()


@pytest.mark.slow
def test_a_voice_is_made_and_looked_at(making: Served) -> None:
    folder = {"id": "talks", "object": "recordings"}
    assert httpx.get(f"{making.url}/v1/recordings").json()["data"] == [folder]
    begun = start(making, "anna", "k1", preset="tiny", language="en")
    assert begun.status_code == 202
    assert begun.headers["location"] == "/v1/voices/anna"
    making.wait(lambda: state(making, "anna")["progress"] == 0.75)
    told = state(making, "anna")
    assert (told["state"], told["stage"], told["text"]) == ("running", "train", "loss 0.5")
    assert (told["stages_done"], told["stages_total"]) == (0, 3)
    assert 0 < told["left_s"] < 600
    # The same request again begins nothing; another under its key, or for the same voice, is refused.
    assert start(making, "anna", "k1", preset="tiny", language="en").json()["state"] == "running"
    assert start(making, "anna", "k1", preset="tiny").status_code == 409
    assert start(making, "anna", "k2", preset="tiny").status_code == 409
    assert [one["name"] for one in httpx.get(f"{making.url}/v1/voices").json()["data"]] == ["anna"]
    # One at a time.
    assert start(making, "bert").json()["state"] == "queued"
    (making.service.workspace / "go-anna").touch()
    making.wait(lambda: state(making, "anna")["state"] == "finished")
    making.wait(lambda: state(making, "bert")["state"] == "running")
    assert start(making, "anna", "k1", preset="tiny", language="en").json()["state"] == "finished"
    run = read_run(making.service.workspace, "anna")["request"]
    assert run is not None and run["overrides"] == ["corpus.language=en"]
    assert httpx.delete(f"{making.url}/v1/voices/bert").status_code == 200
    making.wait(lambda: state(making, "bert")["state"] == "cancelled")


@pytest.mark.slow
def test_what_goes_wrong_is_told(making: Served) -> None:
    assert start(making, "bad").status_code == 202
    making.wait(lambda: state(making, "bad")["state"] == "failed")
    assert state(making, "bad")["error"] == "corpus: nothing can be used; record more"
    assert start(making, "bad").status_code == 202
    for body in (
        {"voice": "../x", "folder": "talks"},
        {"voice": "x", "folder": "../w"},
        {"voice": "x", "folder": "leads out"},
        {"voice": "x"},
        {"voice": "x", "folder": "talks", "preset": "/etc/passwd"},
        {"voice": "x", "folder": "talks", "language": "en; x"},
        {"voice": "x", "folder": "talks", "overrides": ["store.url=/etc"]},
    ):
        answer = httpx.post(f"{making.url}/v1/voices", json=body, timeout=60)
        assert answer.status_code in (400, 404), body
    for language, meant in (("tlh", "nothing here reads it"), ("Germn", "did you mean German")):
        answer = start(making, "x", language=language)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["code"]) == (
            400,
            "language",
            "unsupported_language",
        )
        assert meant in error["message"] and error["type"] == "invalid_request_error"
    assert httpx.get(f"{making.url}/v1/voices/nobody").status_code == 404
    assert httpx.post(f"{making.url}/v1/voices/nobody/cancel").status_code == 409


@pytest.mark.slow
def test_recordings_come_along_under_names_of_our_own(making: Served) -> None:
    files = [
        ("files", ("one.wav", b"RIFF1")),
        ("files", ("../../evil.wav", b"RIFF2")),
        ("files", ("Ä b.FLAC", b"fLaC")),
        ("files", ("Ä b.txt", b"One.")),
    ]
    url = f"{making.url}/v1/voices"
    key = {"Idempotency-Key": "up"}
    begun = httpx.post(url, data={"voice": "anna", "preset": "tiny"}, files=files, headers=key)
    assert begun.status_code == 202, begun.text
    training = making.service.trainings.find("anna")
    assert training is not None
    folder = Path(training.recordings)
    assert folder.is_relative_to(making.service.workspace)
    assert sorted(path.name for path in folder.iterdir()) == [
        "one.wav", "recording-0002.wav", "recording-0003.flac", "recording-0003.txt",
    ]  # fmt: skip
    assert httpx.post(url, data={"voice": "anna", "preset": "tiny"}, files=files, headers=key).is_success
    assert len(list(folder.parent.iterdir())) == 1
    for refused in ([("files", ("run.sh", b"x"))], [], [("files", ("a.wav.exe", b"x"))]):
        answer = httpx.post(url, data={"voice": "cleo"}, files=refused or None)
        assert answer.status_code == 400
    making.service.trainings.cancel("anna")
    making.wait(lambda: state(making, "anna")["state"] == "cancelled")


def clip(seed: int) -> bytes:
    """A recording of its own content."""
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).normal(0, 0.1, 8_000)
    soundfile.write(buffer, noise, 16_000, format="WAV")
    return buffer.getvalue()


def send(server: Served, *files: tuple[str, bytes], **fields: str) -> httpx.Response:
    url, sent = f"{server.url}/v1/voices", [("files", one) for one in files]
    return httpx.post(url, data={"voice": "anna", **fields}, files=sent, timeout=60)


def made_from(server: Served) -> tuple[dict[str, str | None], str | None, list[str]]:
    """Recordings and texts of anna's last run once it is over, its preset and its settings."""
    (server.service.workspace / "go-anna").touch()
    server.wait(lambda: state(server, "anna")["state"] == "finished")
    run = read_run(server.service.workspace, "anna")["request"]
    assert run is not None
    rows = scan(Path(run["recordings"])).rows
    return {row["source_path"]: row["text"] for row in rows}, run["preset"], run["overrides"]


@pytest.fixture
def anna(making: Served, tmp_path: Path) -> Path:
    """A folder of somebody's own from which the voice was made, by a recipe of its own."""
    own = folder(tmp_path / "own", "a.wav b.wav", {"metadata.csv": "a|Old a.\nb|Old b.\n"})
    write_voice(making.service.workspace, "anna", "kokoro/bf_emma")
    request = Request(own, "anna", "kokoro-fit", None, ("seed=7",))
    write_run(making.service.workspace, "anna", {"request": request.as_record(), "stages": {}})
    return own


@pytest.mark.slow
def test_recordings_are_added_to_those_of_a_voice_and_its_recipe_stays(making: Served, anna: Path) -> None:
    files = sorted(anna.iterdir())
    assert send(making, ("a.wav", clip(1)), ("a.txt", b"New a.")).status_code == 202
    recordings, preset, overrides = made_from(making)
    assert recordings == {"a.wav": "Old a.", "b.wav": "Old b.", "set-2/a-2.wav": "New a."}
    assert (preset, overrides) == ("kokoro-fit", ["seed=7", "corpus.speaker=speaker"])
    assert sorted(anna.iterdir()) == files
    # The same once more has nothing new; a server's folder is added in the same way.
    assert send(making, ("a.wav", clip(1)), ("a.txt", b"New a.")).status_code == 202
    assert made_from(making) == (recordings, preset, overrides)
    folder(anna.parent / "offered" / "talks", "c.wav", {"metadata.csv": "c|New c.\n"})
    assert start(making, "anna").status_code == 202
    assert made_from(making)[0] == {**recordings, "set-3/c.wav": "New c."}
    uploads = making.service.workspace / "serving" / "uploads"
    assert len([one for one in uploads.iterdir() if one.name != "cache"]) == 2


@pytest.mark.slow
def test_recordings_of_a_voice_are_replaced_and_its_recipe_changed_where_that_is_asked_for(
    making: Served, anna: Path
) -> None:
    assert send(making, ("c.wav", clip(1)), recordings="replace").status_code == 202
    assert made_from(making) == ({"c.wav": None}, "kokoro-fit", ["seed=7"])
    assert send(making, ("d.wav", clip(2)), preset="tiny", recordings="replace").status_code == 202
    assert made_from(making) == ({"d.wav": None}, "tiny", [])
    assert send(making, ("e.wav", clip(3)), recordings="both").status_code == 400
    assert send(making, ("e.wav", clip(3)), preset="").status_code == 400


def test_what_cannot_be_added_is_told_and_nothing_is_replaced(making: Served, anna: Path) -> None:
    shutil.rmtree(anna)
    answer = send(making, ("c.wav", clip(1)))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (409, "cannot_add", "recordings")
    assert "is no folder" in error["message"] and "recordings=replace" in error["message"]
    assert making.service.trainings.find("anna") is None
    assert list((making.service.workspace / "serving" / "uploads").iterdir()) == []
    run = read_run(making.service.workspace, "anna")["request"]
    assert run is not None and run["recordings"] == str(anna)


@pytest.mark.slow
def test_trainings_outlive_the_server_and_are_found_again(making: Served, command: tuple[str, ...]) -> None:
    start(making, "anna")
    start(making, "bert")
    making.wait(lambda: state(making, "anna")["stage"] == "train")
    # What a server that was killed leaves behind: nobody looks after them any more.
    making.service.trainings.end()
    time.sleep(0.7)
    later = Trainings(making.service.workspace, command)
    later.start()
    try:
        found = later.find("anna")
        assert found is not None and found.state == "running"
        (making.service.workspace / "go-anna").touch()
        making.wait(lambda: getattr(later.find("anna"), "state", "") == "finished")
        making.wait(lambda: getattr(later.find("bert"), "state", "") == "running")
        later.cancel("bert")
        making.wait(lambda: getattr(later.find("bert"), "state", "") == "cancelled")
    finally:
        later.end()


def wait_for(trainings: Trainings, voice: str, state: str) -> Training:
    ends_s = time.monotonic() + 30
    while (found := trainings.find(voice)) is None or found.state != state:
        assert time.monotonic() < ends_s, found
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while_holds_no_training_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full = threading.Event()

    def write(path: Path, content: bytes) -> None:
        if is_full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, content)

    monkeypatch.setattr(module, "write_atomically", write)
    go = tmp_path / "go"
    waiting = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)"
    trainings = Trainings(tmp_path, (sys.executable, "-c", waiting))
    trainings.start()
    try:
        for voice in ("anna", "bert"):
            trainings.add(asked_now(voice, tmp_path, "tiny", None, "", voice))
        is_full.set()
        go.touch()
        wait_for(trainings, "anna", "finished")
        wait_for(trainings, "bert", "finished")
        is_full.clear()
        ends_s = time.monotonic() + 30
        while {one.state for one in map(Trainings(tmp_path).find, ("anna", "bert")) if one} != {"finished"}:
            assert time.monotonic() < ends_s
            time.sleep(0.1)
    finally:
        trainings.end()


def test_a_training_that_cannot_be_begun_fails_and_the_next_begins(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path, (sys.executable, "-c", ""))
    (tmp_path / "logs" / "training-anna.log").mkdir(parents=True)
    trainings.start()
    try:
        begun = trainings.add(asked_now("anna", tmp_path, "tiny", None, "", ""))
        assert (begun.state, "could not be begun" in begun.message) == ("failed", True)
        trainings.add(asked_now("bert", tmp_path, "tiny", None, "", ""))
        wait_for(trainings, "bert", "finished")
    finally:
        trainings.end()


@pytest.mark.slow
def test_one_training_that_cannot_be_looked_at_holds_no_other_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[str] = []

    def once(pid: int) -> str:
        if len(came) == 1:
            came.append("fault")
            raise PermissionError(errno.EMFILE, "Too many open files")
        came.append("")
        return started_at(pid)

    monkeypatch.setattr(module, "started_at", once)
    trainings = Trainings(tmp_path, (sys.executable, "-c", ""))
    trainings.start()
    try:
        trainings.add(asked_now("anna", tmp_path, "tiny", None, "", ""))
        wait_for(trainings, "anna", "finished")
        assert "fault" in came
    finally:
        trainings.end()


def test_names_of_files_and_folders(tmp_path: Path) -> None:
    assert own_names(["a.wav", "a.wav", "b.SRT", ".wav", "x/y.mp3"]) == [
        "a.wav", "recording-0002.wav", "b.srt", "recording-0004.wav", "recording-0005.mp3",
    ]  # fmt: skip
    with pytest.raises(ApiError, match=r"'a' is none of .* which are taken here"):
        own_names(["a"])
    assert offered_folders([tmp_path / "nowhere"]) == {}


def test_texts_keep_the_name_of_their_recording() -> None:
    assert own_names(["clip 1.wav", "clip 1.txt", "clip 2.txt", "clip 2.wav"]) == [
        "recording-0001.wav", "recording-0001.txt", "recording-0003.txt", "recording-0003.wav",
    ]  # fmt: skip
    assert own_names(["chapter.01.wav", "chapter.01.txt"]) == ["chapter.01.wav", "chapter.01.txt"]
    assert own_names(["my talk.wav", "my talk.en.vtt", "my talk.wav.srt"]) == [
        "recording-0001.wav", "recording-0001.en.vtt", "recording-0001.wav.srt",
    ]  # fmt: skip
    # A name that somebody has already is nobody else's.
    assert own_names(["recording-0002.wav", "my file.wav", "recording-0003.en.vtt", "b c.wav"]) == [
        "recording-0002.wav", "recording-0004.wav", "recording-0003.en.vtt", "recording-0005.wav",
    ]  # fmt: skip


def test_a_list_comes_along_with_recordings_that_keep_their_names_alone() -> None:
    listed = ["one.wav", "two.1.wav", "metadata.csv"]
    assert own_names(listed) == listed
    with pytest.raises(ApiError, match=r"'clip 2.wav' would be kept as .*'metadata.csv' may name it"):
        own_names(["one.wav", "clip 2.wav", "metadata.csv"])


NAMES = st.builds(
    "{}{}".format,
    st.sampled_from(["a", "a b", "ä", "recording-0001", "recording-0002", "x/a", "file-0001", ""]),
    st.sampled_from([".wav", ".WAV", ".txt", ".en.vtt", ".wav.srt", ".flac"]),
)


@given(st.lists(NAMES, max_size=8))
def test_every_file_has_a_name_of_its_own_and_pairs_stay_pairs(given_names: list[str]) -> None:
    stems = {name.partition(".")[0] for name in given_names if name.lower().endswith((".wav", ".flac"))}
    beside = [name for name in given_names if name.partition(".")[0] in stems]
    names = own_names(beside)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name) for name in names)
    if len({name.lower() for name in beside}) == len(beside):
        kept: dict[str, set[str]] = {}
        for name, own in zip(beside, names, strict=True):
            kept.setdefault(own.partition(".")[0], set()).add(name.partition(".")[0])
        assert all(len(one) == 1 for one in kept.values()) and len(kept) == len(stems)
