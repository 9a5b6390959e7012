"""Voices made over the API: started once, looked at, stopped, found again by another server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flows.serve.faults import ApiError
from flows.serve.recordings import offered_folders, own_names
from flows.serve.trainings import Trainings
from tasks.run_record import read_run
from tests.flows.serve.served import Served, served, write_weights

STAND_IN = """
import signal, sys, time
from pathlib import Path
from flows.progress_file import ProgressFile
from tasks.run_record import write_run
from tasks.watching import Advance

workspace, recordings = Path(sys.argv[2]), sys.argv[4]
given = dict(zip(sys.argv[5::2], sys.argv[6::2]))
voice = given["--voice"]
request = {"recordings": recordings, "voice": voice, "preset": given["--preset"], "config_file": None,
           "overrides": [given["--set"]] if "--set" in given else []}
write_run(workspace, voice, {"request": request, "stages": {}})
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


def test_recordings_come_along_under_names_of_our_own(making: Served) -> None:
    files = [
        ("files", ("one.wav", b"RIFF1")),
        ("files", ("../../evil.wav", b"RIFF2")),
        ("files", ("Ä b.FLAC", b"fLaC")),
        ("files", ("metadata.csv", b"one|One.")),
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
        "metadata.csv", "one.wav", "recording-0002.wav", "recording-0003.flac",
    ]  # fmt: skip
    assert httpx.post(url, data={"voice": "anna", "preset": "tiny"}, files=files, headers=key).is_success
    assert len(list(folder.parent.iterdir())) == 1
    for refused in ([("files", ("run.sh", b"x"))], [], [("files", ("a.wav.exe", b"x"))]):
        answer = httpx.post(url, data={"voice": "cleo"}, files=refused or None)
        assert answer.status_code == 400
    making.service.trainings.cancel("anna")
    making.wait(lambda: state(making, "anna")["state"] == "cancelled")


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


def test_names_of_files_and_folders(tmp_path: Path) -> None:
    assert own_names(["a.wav", "a.wav", "b.TXT", ".wav", "x/y.mp3"]) == [
        "a.wav", "recording-0002.wav", "b.txt", "recording-0004.wav", "recording-0005.mp3",
    ]  # fmt: skip
    with pytest.raises(ApiError, match=r"'a' is none of .* which are taken here"):
        own_names(["a"])
    assert offered_folders([tmp_path / "nowhere"]) == {}
