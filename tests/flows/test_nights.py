"""Nights on a real (temporary) Prefect server: a week of them, what is told, and who is told it."""

from __future__ import annotations

import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings
from prefect.testing.utilities import prefect_test_harness

from artifacts import manifest as manifests
from artifacts import space
from configs.errors import MachineError, UserError
from flows.nightly import nightly
from flows.notifying import send
from flows.voice_finetune import voice_finetune
from tasks.nights import kept, room
from tasks.nights.digest import NightDigest, VoiceDigest
from tasks.nights.listed import add_night, add_notified, read_nights
from tasks.run_record import read_run, run_path
from tasks.versions.folders import champion_folder
from tasks.versions.holding import holding
from tasks.versions.record import read_versions
from tasks.versions.voices import roll_back
from tasks.voice import open_pipeline
from tests.flows.small_nights import (
    FULL,
    KILLS,
    QUIET,
    WAITS,
    WORSE,
    record,
    small_stages,
    store_of,
    voice_that_was_asked_for,
)
from tests.tasks.versions.made import spoken_by

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def workspace(server: None, tmp_path: Path) -> Iterator[Path]:
    """A workspace with the voice anna on the nightly list, never made yet."""
    record(tmp_path / "clips", a="0.80 good", b="0.80 good")
    voice_that_was_asked_for(tmp_path, "anna", tmp_path / "clips")
    add_night(tmp_path, "anna")
    with small_stages(tmp_path):
        yield tmp_path


def last(workspace: Path) -> NightDigest:
    return kept.read(kept.nights(workspace)[-1])


def night(workspace: Path) -> VoiceDigest:
    """A night that goes well; anna's part of it."""
    nightly(workspace=str(workspace))
    (told,) = last(workspace)["voices"]
    return told


def champion(workspace: Path) -> tuple[int | None, dict[str, bytes]]:
    """Which version of anna speaks, and all its files."""
    return read_versions(workspace, "anna")["champion"], spoken_by(champion_folder(workspace, "anna"))


def test_a_week(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = workspace / "clips"
    first = night(workspace)
    assert (first["outcome"], first["champion"]) == ("live", 1)
    assert first["came"] == {"recordings": 2, "minutes": 2.0, "gone": 0}

    new_recordings(workspace)
    second = champion(workspace)
    bad_batch(workspace)
    assert champion(workspace) == second
    (clips / "f.txt").unlink()
    record(clips, g="0.99 good")
    crash_in_training(workspace)
    assert champion(workspace) == second
    full_disk(workspace, monkeypatch)
    assert champion(workspace) == second

    # A worse recipe: what came since the last version is told with it, and is not lost.
    add_night(workspace, "anna", (WORSE,))
    told = night(workspace)
    assert (told["outcome"], told["champion"], told["came"]["recordings"]) == ("not live", 2, 1)
    assert champion(workspace) == second
    # Nothing new.
    told = night(workspace)
    assert (told["outcome"], told["costs"]) == ("nothing new", [])
    assert told["said"] == "nothing new, version 2 speaks as before"
    assert (told["refused"], told["refused_in_all"]) == ([], 2)
    # A better recipe, by which the killed training goes on where it was.
    add_night(workspace, "anna", ("seed=1234",))
    told = night(workspace)
    assert (told["outcome"], told["champion"]) == ("live", 5)
    made = manifests.load(store_of(workspace), "train_sovits", stages(workspace)["train_sovits"]["key"])
    assert made is not None and made.metrics["resumed"] == 1.0

    assert champion(workspace) != second
    roll_back(store_of(workspace), workspace, "anna")
    assert champion(workspace) == second
    assert len(kept.nights(workspace)) == 9


def new_recordings(workspace: Path) -> None:
    record(workspace / "clips", c="0.95 good")
    told = night(workspace)
    assert (told["outcome"], told["champion"], told["came"]["recordings"]) == ("live", 2, 1)
    assert told["version"] is not None and "better" in told["version"]["compared"][0]["says"]
    costs = [cost["stage"] for cost in told["costs"]]
    assert costs == ["ingest", "train_sovits", "evaluate", "export", "report"]


def bad_batch(workspace: Path) -> None:
    """Noise, a stranger, and a wrong text that spoils the voice."""
    record(workspace / "clips", d="noise", e="stranger", f="0.10 says something else")
    told = night(workspace)
    assert (told["outcome"], told["champion"]) == ("not live", 2)
    assert {(one["code"], one["rows"]) for one in told["refused"]} == {("noise", 1), ("stranger", 1)}
    assert told["version"] is not None and "worse" in told["version"]["decision"]


def crash_in_training(workspace: Path) -> None:
    (workspace / KILLS).touch()
    with in_a_process(workspace) as process:
        said, _ = process.communicate()
        assert process.returncode == -9, said.decode()
    (told,) = last(workspace)["voices"]
    assert (told["outcome"], last(workspace)["ended"]) == ("at work", None)
    (workspace / KILLS).unlink()


def full_disk(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is full before anything begins, and one that fills meanwhile."""
    with monkeypatch.context() as full:
        full.setattr(space, "free_bytes", lambda place: 1_000)
        with pytest.raises(MachineError, match="nightly: at least 200 MB will be written"):
            nightly(workspace=str(workspace))
    (told,) = last(workspace)["voices"]
    assert (told["outcome"], told["champion"]) == ("left", 2)
    assert "are free there" in last(workspace)["stopped"]
    (before,) = kept.read(kept.nights(workspace)[-2])["voices"]
    assert before["said"] == f"{kept.KILLED}; version 2 speaks as before"
    (workspace / FULL).touch()
    with pytest.raises(UserError, match="anna: failed, train_sovits: no space is left"):
        nightly(workspace=str(workspace))
    (workspace / FULL).unlink()
    (told,) = last(workspace)["voices"]
    assert (told["outcome"], told["came"]["recordings"]) == ("failed", 1)


def stages(workspace: Path) -> dict:
    """How anna's stages went the last time."""
    return read_run(workspace, "anna")["stages"]


def test_a_night_is_a_page_a_text_and_a_record(workspace: Path) -> None:
    nightly(workspace=str(workspace))
    record(workspace / "clips", c="0.95 good")
    nightly(workspace=str(workspace))
    folder = kept.nights(workspace)[-1]
    page, text = (folder / kept.PAGE).read_text(), (folder / kept.TEXT).read_text()
    assert "anna@1, clip-1" in page and "anna@2, clip-1" in page and page.count("<audio") == 2
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script>" in page
    for said in ("version 2 is live", "1 recording of 1.0 min", "Speaker similarity"):
        assert said in page
    assert text.startswith("Night of 20")
    assert "came: 1 recording of 1.0 min" in text and str(folder / kept.PAGE) in text


def test_one_voice_that_fails_keeps_no_other_from_it(workspace: Path) -> None:
    record(workspace / "others", a="0.7 good")
    for name in ("bert", "carl"):
        voice_that_was_asked_for(workspace, name, workspace / "others")
        add_night(workspace, name)
    record(workspace / "clips", a="no number")
    with (
        holding(workspace, "bert", "finetune", wait=False),
        pytest.raises(UserError, match=r"anna: failed, train_sovits: a fault of this program \(ValueError"),
    ):
        nightly(workspace=str(workspace))
    told = {voice["voice"]: voice for voice in last(workspace)["voices"]}
    assert {name: one["outcome"] for name, one in told.items()} == {
        "anna": "failed",
        "bert": "failed",
        "carl": "live",
    }
    assert "is being worked on by `finetune`" in told["bert"]["said"]
    assert "it has no version yet" in told["anna"]["said"]


def test_a_second_night_ends_at_once(workspace: Path) -> None:
    with kept.one_night(workspace), pytest.raises(UserError, match="another night is at work"):
        nightly(workspace=str(workspace))
    assert kept.nights(workspace) == []


def test_a_night_beside_a_run_by_hand_keeps_the_settings_of_each(workspace: Path) -> None:
    """A run by hand with another recipe trains while the night comes: the second says who works, and ends."""
    night(workspace)
    (workspace / WAITS).touch()
    with in_a_process(workspace, "anna", QUIET, WORSE) as by_hand:
        while (read_run(workspace, "anna").get("begun") or {}).keys() != {"train_sovits"}:
            assert by_hand.poll() is None, by_hand.communicate()
            time.sleep(0.1)
        with pytest.raises(UserError, match=rf"worked on by `finetune` \(process {by_hand.pid}, since"):
            nightly(workspace=str(workspace))
        assert last(workspace)["voices"][0]["champion"] == 1
        (workspace / WAITS).unlink()
        assert by_hand.wait(60) == 0
    assert overrides(workspace) == [QUIET, WORSE]
    assert read_versions(workspace, "anna")["champion"] == 1
    # The night goes on by its own recipe, and finds what that made long ago.
    told = night(workspace)
    assert (told["outcome"], told["champion"]) == ("nothing new", 1)
    assert overrides(workspace) == [QUIET]
    assert {"anna · tiny · 2 min", "anna · finetune", "night · all voices"} <= run_names()


def test_a_run_by_hand_waits_for_the_night_where_it_is_told_to(workspace: Path) -> None:
    (workspace / WAITS).touch()
    with in_a_process(workspace) as at_night:
        while not run_path(workspace, "anna").with_name("held").exists():
            assert at_night.poll() is None, at_night.communicate()
            time.sleep(0.1)
        threading.Timer(2, (workspace / WAITS).unlink).start()
        ended = voice_finetune(
            recordings=str(workspace / "clips"),
            voice="anna",
            overrides=[QUIET, WORSE],
            workspace=str(workspace),
        )
        assert at_night.wait(60) == 0
    assert ended.version.startswith("version 2 is not live, version 1 is")


def test_what_a_run_will_take_is_in_its_log(workspace: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever started it: a night and a deployment have no screen."""
    caplog.set_level(logging.INFO, "prefect.flow_runs")
    night(workspace)
    told = [line for line in caplog.messages if "of memory" in line or "memory was" in line]
    assert len(told) == 1 and told[0].startswith("anna: about ") and "train_sovits" in told[0]
    caplog.clear()
    night(workspace)
    assert not [line for line in caplog.messages if "memory" in line]


@contextmanager
def in_a_process(workspace: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A night, or a run of a voice by hand (its name, overrides), in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flows.small_nights", str(workspace), *arguments],
        cwd=ROOT,
        env=os.environ | get_current_settings().to_environment_variables(include_secrets=True),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def overrides(workspace: Path) -> list[str]:
    """Of what was asked for last."""
    request = read_run(workspace, "anna")["request"]
    assert request is not None
    return request["overrides"]


def run_names() -> set[str]:
    with get_client(sync_client=True) as client:
        return {run.name for run in client.read_flow_runs()}


class Hook(http.server.BaseHTTPRequestHandler):
    """A webhook that keeps what it gets, and refuses what is sent to /refuses."""

    got: ClassVar[list[dict]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append({"path": self.path, "token": self.headers["X-Token"], **json.loads(body)})
        self.send_response(403 if self.path.startswith("/refuses") else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.got = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as serves:
        threading.Thread(target=serves.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serves.server_port}"
        serves.shutdown()


def webhook(name: str, url: str) -> str:
    CustomWebhookNotificationBlock(
        name="voices",
        url=url + "?key={{key}}",
        json_data={"title": "{{subject}}", "text": "{{body}}"},
        headers={"X-Token": "{{key}}"},
        secrets={"key": "SWORDFISH"},
    ).save(name, overwrite=True)
    return f"custom-webhook/{name}"


def test_the_digest_is_sent_and_what_fails_is_told_without_secrets(
    workspace: Path, hook: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for name, path in (("refused", "/refuses"), ("taken", "/takes")):
        add_notified(workspace, webhook(name, hook + path))
    add_notified(workspace, "custom-webhook/no-such")
    Secret(value="SWORDFISH").save("no-channel", overwrite=True)
    add_notified(workspace, "secret/no-channel")
    nightly(workspace=str(workspace))
    _, taken = Hook.got
    assert taken["path"] == "/takes?key=SWORDFISH" and taken["token"] == "SWORDFISH"
    assert taken["title"].endswith("anna version 1 is live")
    assert "came: 2 recordings of 2.0 min" in taken["text"]
    failures = {one["block"]: one["failure"] for one in last(workspace)["notified"]}
    assert failures == {
        "custom-webhook/refused": "it was not taken (HTTP status 403)",
        "custom-webhook/taken": "",
        "custom-webhook/no-such": "the Prefect server has no such block; `prefect block ls` lists them",
        "secret/no-channel": "it is no notification block: it cannot `notify`",
    }
    folder = kept.nights(workspace)[-1]
    written = "".join((folder / name).read_text() for name in (kept.RECORD, kept.PAGE, kept.TEXT))
    assert "not sent by custom-webhook/refused: it was not taken (HTTP status 403)" in written
    said = capfd.readouterr()
    assert "the digest was not sent by custom-webhook/refused" in said.err + caplog.text
    assert "SWORDFISH" not in written + caplog.text + said.out + said.err


def test_a_webhook_that_nobody_answers_fails_no_night(workspace: Path) -> None:
    add_notified(workspace, webhook("gone", "http://127.0.0.1:9/"))
    assert night(workspace)["outcome"] == "live"
    assert last(workspace)["notified"][0]["failure"] == "it was not taken (ConnectError)"


def test_blocks_load_outside_of_a_flow_too(server: None, hook: str) -> None:
    block = webhook("plain", hook + "/takes")
    assert send([block], "subject", "body") == [{"block": block, "failure": ""}]
    assert Hook.got[0]["title"] == "subject"


def test_room_is_asked_for_what_is_to_be_done_alone(workspace: Path) -> None:
    night(workspace)
    request = read_nights(workspace)["anna"]
    with closing(open_pipeline(workspace, request)) as pipeline:
        assert room.needed_bytes(pipeline) == 0
    record(workspace / "clips", c="0.9 good")
    with closing(open_pipeline(workspace, request)) as pipeline:
        assert room.needed_bytes(pipeline) == room.LEAST_BYTES
