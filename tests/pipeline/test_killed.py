"""kill -9 at random places: the same command goes on and ends with the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import QUICK, ROOT

CLIPS = 5
KILLS = 10
# Rows are computed in the process that is killed, so that a place is reached in every run alike.
SETTINGS = (*QUICK, "compute.workers=1")

pytestmark = pytest.mark.slow

Attempt = tuple[bool, list[tuple[str, str]]]


@pytest.fixture
def moments() -> random.Random:
    """Drawn anew each time and printed, so that a failure can be repeated."""
    seed = int(os.environ.get("VOICEWRIGHT_KILL_SEED", time.time_ns() % 2**32))
    print(f"VOICEWRIGHT_KILL_SEED={seed}")
    return random.Random(seed)


def attempts(
    recordings: Path, workspace: Path, environment: dict[str, str], places: list[Any]
) -> list[Attempt]:
    """Runs one after the other, each killed at its place; None is not killed."""
    asked = {
        "recordings": str(recordings),
        "settings": SETTINGS,
        "workspace": str(workspace),
        "places": places,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.attempts"],
        input=json.dumps(asked),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [(killed, [(stage, kind) for stage, kind in events]) for killed, events in json.loads(done.stdout)]


def digests(workspace: Path) -> dict[str, str]:
    """What every stage put out, as the run's record has it."""
    stages = json.loads((workspace / "runs" / "v" / "run.json").read_text())["stages"]
    return {name: stage["output_digest"] for name, stage in stages.items()}


def places_of(events: list[tuple[str, str]], moments: random.Random) -> list[tuple[str, str, int]]:
    """Random places in the trainings and in other stages, in the order in which they are come to."""
    counts = Counter(events)
    stages = list(dict.fromkeys(stage for stage, _ in events))
    trainings = ["train_sovits", "train_t2s"]
    drawn = moments.sample([stage for stage in stages if stage not in trainings], KILLS - len(trainings))
    places = []
    for stage in sorted((*drawn, *trainings), key=stages.index):
        kind = moments.choice([kind for name, kind in counts if name == stage])
        places.append((stage, kind, moments.randint(1, counts[stage, kind])))
    return places


@pytest.mark.timeout(600)
def test_twelve_kills_change_no_byte(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    read: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    moments: random.Random,
) -> None:
    recordings = few(CLIPS)
    [(_, events)] = attempts(recordings, tmp_path / "undisturbed", environment, [None])
    expected = digests(tmp_path / "undisturbed")

    places = places_of(events, moments)
    print(places)
    *disturbed, last = attempts(recordings, tmp_path / "killed", environment, [*places, None])
    assert [killed for killed, _ in disturbed] == [True] * KILLS
    assert not last[0]
    assert digests(tmp_path / "killed") == expected
    assert read("store", "verify", workspace="killed")["removed"] == []

    # The command as a person types it, its workers and its training, killed at random moments.
    def start() -> subprocess.Popen[str]:
        settings = [part for one in QUICK for part in ("--set", one)]
        arguments = ("finetune", recordings, "--voice", "v", "--preset", "tiny", *settings)
        return subprocess.Popen(
            command(*arguments, workspace="typed"),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    typed = tmp_path / "typed"
    for begun, within_s in ((typed / "store", 4.0), (typed / "work" / "train_sovits", 2.0)):
        run = start()
        while not begun.exists():
            assert run.poll() is None, run.communicate()[1][-2000:]
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, within_s))
        assert run.poll() is None, "the moment must fall inside the run"
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    last_run = start()
    _, errors = last_run.communicate(timeout=400)
    assert last_run.returncode == 0, errors[-2000:]
    assert digests(typed) == expected
