"""The commands of docs/howto/serving.md as they stand there, and the server as a process that is killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import av
import httpx
import pytest

from tests.flows.serve.served import Served, write_weights

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "howto" / "serving.md"
KEY = "0123456789abcdef0123456789abcdef"


def commands() -> list[str]:
    """Every `curl` of the page, with what continues it."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    joined = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in joined if line.startswith("curl ")]


def test_the_page_has_commands() -> None:
    assert len(commands()) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_documented_commands_do_what_they_say(server: Served, tmp_path: Path, command: str) -> None:
    command = command.replace("http://127.0.0.1:8880", server.url).replace("kokoro/af_heart", "anna")
    done = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl -sS --fail-with-body --max-time 60 ", 1)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if "/v1/voices" in command or "references" in command:
        # No recordings are there, and the small voice speaks like none: refused in the form of the API.
        assert '"error"' in done.stdout or done.returncode == 26, done.stdout + done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    written = list(tmp_path.iterdir())
    assert written or done.stdout
    for path in written:
        with av.open(str(path)) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) > 0


class Running:
    """`voicewright serve` as a process."""

    def __init__(self, workspace: Path, *options: str) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, str(ROOT / "voicewright.py"), "-w", str(workspace), "serve", "af_heart"]
        self.process = subprocess.Popen(
            [*command, "--port", str(port), "--device", "cpu", *options],
            cwd=workspace,
            env={**os.environ, "SERVED_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        ends_s = time.monotonic() + 120
        while time.monotonic() < ends_s:
            try:
                if httpx.get(f"{self.url}/ready").status_code == 200:
                    return
            except httpx.HTTPError:
                assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.2)
        raise AssertionError("the server did not start")

    def say(self, text: str) -> bytes:
        answer = httpx.post(
            f"{self.url}/v1/audio/speech",
            json={"model": "tts-1", "voice": "af_heart", "input": text, "response_format": "pcm"},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60,
        )
        assert answer.status_code == 200
        return answer.content


@pytest.mark.slow
def test_killed_it_starts_again_and_told_to_end_it_finishes_what_it_says(tmp_path: Path) -> None:
    workspace = write_weights(tmp_path)
    options = ("--keys-variable", "SERVED_KEY")
    first = Running(workspace, *options)
    said = first.say("One, two.")
    first.process.kill()
    first.process.communicate()
    again = Running(workspace, *options)
    assert again.say("One, two.") == said
    request = {"model": "x", "voice": "af_heart", "input": "One. Two.", "speed": 4, "response_format": "pcm"}
    header = {"Authorization": f"Bearer {KEY}"}
    with httpx.stream(
        "POST", f"{again.url}/v1/audio/speech", json=request, headers=header, timeout=60
    ) as answer:
        parts = answer.iter_raw()
        size = len(next(parts))
        again.process.send_signal(signal.SIGTERM)
        # Broken off, this raises: chunked answers have an end of their own.
        size += sum(map(len, parts))
    told, _ = again.process.communicate(timeout=40)
    assert size > 4_800
    assert again.process.returncode == 0, told
    assert "ended" in told and "Traceback" not in told
    assert KEY not in told
