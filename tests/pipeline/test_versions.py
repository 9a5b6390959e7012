"""Two trainings of one voice by the real command: one at a time, both kept, the better one speaks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import QUICK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_two_trainings_of_a_voice(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), env=environment, capture_output=True, text=True, timeout=400, check=False
        )

    recordings = few(6)
    settings = [part for setting in QUICK for part in ("--set", setting)]
    finetune = ("finetune", recordings, "--voice", "v", "--preset", "tiny", *settings)
    with subprocess.Popen(command(*finetune), env=environment, stderr=subprocess.PIPE, text=True) as first:
        held = tmp_path / "workspace" / "runs" / "v" / "run.json"
        until_s = time.monotonic() + 200
        while not held.exists():
            assert time.monotonic() < until_s and first.poll() is None
            time.sleep(0.2)
        second = run(*finetune, "--set", "seed=7")
        assert second.returncode == 2
        assert "v: is being worked on by `finetune` (process" in second.stderr
        said = first.communicate(timeout=400)[1]
        assert first.returncode == 0, said
    assert "v: version 1 is live: the first version" in said
    (entry,) = read("versions", "v")["versions"]
    # The recipe is still the first one's: the second run was refused before it replaced anything.
    assert read("why", "v", "train_t2s")["would_run"] is False

    other = run(*finetune, "--set", "seed=7")
    assert other.returncode == 0, other.stderr
    assert "v: this run changes the voice's recipe: seed 1234 -> 7" in " ".join(other.stderr.split())
    versions = read("versions", "v")
    assert [one["number"] for one in versions["versions"]] == [1, 2]
    # Six steps make no voice that is better than another beyond chance.
    assert versions["champion"] == 1
    assert "version 2 is not live, version 1 is" in " ".join(other.stderr.split())
    assert entry["output"] == versions["versions"][0]["output"]

    waves = {}
    for name in ("v", "v@1", "v@2"):
        path = tmp_path / f"{name}.wav"
        spoken = run("speak", "--voice", name, "One small step.", "--output", path)
        assert spoken.returncode == 0, spoken.stderr
        waves[name] = path.read_bytes()
    assert waves["v"] == waves["v@1"] != waves["v@2"]
    assert run("promote", "v@2").returncode == 0
    assert run("speak", "--voice", "v", "One small step.", "--output", tmp_path / "now.wav").returncode == 0
    assert (tmp_path / "now.wav").read_bytes() == waves["v@2"]
    assert run("rollback", "v").returncode == 0
    again = run("speak", "--voice", "v", "One small step.", "--output", tmp_path / "again.wav")
    assert again.returncode == 0
    assert (tmp_path / "again.wav").read_bytes() == waves["v@1"]
