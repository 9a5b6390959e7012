"""Two trainings of one voice by the real command: one at a time, both kept, the better one speaks."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.finished import Finished

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_two_trainings_of_a_voice(
    finished: Finished,
    command: Callable[..., list[str]],
    here: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    read: Callable[..., Any],
    tmp_path: Path,
) -> None:
    # Trained before, and no version yet.
    request = finished.copied(tmp_path)
    settings = [part for setting in request.overrides for part in ("--set", setting)]
    finetune = ("finetune", request.recordings, "--voice", "v", "--preset", "tiny", *settings)
    first = here(*finetune)
    assert first.returncode == 0, first.stderr
    assert "v: version 1 is live: the first version" in first.stderr
    (entry,) = read("versions", "v")["versions"]

    again = command(*finetune, "--set", "seed=7")
    with subprocess.Popen(again, env=environment, stderr=subprocess.PIPE, text=True) as other:
        recipe = tmp_path / "workspace" / "runs" / "v" / "run.json"
        until_s = time.monotonic() + 200
        while "seed=7" not in json.loads(recipe.read_text())["request"]["overrides"]:
            assert time.monotonic() < until_s and other.poll() is None
            time.sleep(0.2)
        refused = here(*finetune, "--set", "seed=8")
        assert refused.returncode == 2
        assert "v: is being worked on by `finetune` (process" in refused.stderr
        said = " ".join(other.communicate(timeout=400)[1].split())
        assert other.returncode == 0, said
    # The recipe is the second one's: the third run was refused before it replaced anything.
    assert read("why", "v", "train_t2s")["would_run"] is False
    assert "v: this run changes the voice's recipe: seed 1234 -> 7" in said
    versions = read("versions", "v")
    assert [one["number"] for one in versions["versions"]] == [1, 2]
    # Six steps make no voice that is better than another beyond chance.
    assert versions["champion"] == 1
    assert "version 2 is not live, version 1 is" in said
    assert entry["output"] == versions["versions"][0]["output"]

    def speech(name: str) -> bytes:
        path = tmp_path / "speech.wav"
        path.unlink(missing_ok=True)
        spoken = here("speak", "--voice", name, "One small step.", "--output", path)
        assert spoken.returncode == 0, spoken.stderr
        return path.read_bytes()

    waves = {name: speech(name) for name in ("v", "v@1", "v@2")}
    assert waves["v"] == waves["v@1"] != waves["v@2"]
    assert here("promote", "v@2").returncode == 0
    assert speech("v") == waves["v@2"]
    assert here("rollback", "v").returncode == 0
    assert speech("v") == waves["v@1"]
