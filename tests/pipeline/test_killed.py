"""Killed at random places and moments: the same command goes on and ends with the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import QUICK, ROOT
from tests.pipeline.storm import Storm, digests

CLIPS = 5
KILLS = 10
STORM_KILLS = 20
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


@pytest.mark.timeout(1200)
def test_thirty_kills_change_no_byte(
    few: Callable[[int], Path],
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

    # The command as a person types it, its workers and its training, told to go at random moments.
    storm = Storm(recordings, tmp_path / "storm", moments)
    figures = storm.run(STORM_KILLS)
    print(figures.report())
    assert figures.digests == expected
    assert figures.faults == []
    assert figures.leftovers == []
