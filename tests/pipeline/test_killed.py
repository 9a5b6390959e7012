"""Killed at random places and moments: the same command goes on and ends with the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.finished import Finished, attempts
from tests.pipeline.storm import SETTINGS, Storm, digests, stages_done
from tests.small_disk import fill, make_read_only, small_disk

KILLS = 6
# `python -m tests.pipeline.storm` kills more often.
STORM_KILLS = 4

pytestmark = pytest.mark.slow


@pytest.fixture
def moments() -> random.Random:
    """Drawn anew each time and printed, so that a failure can be repeated."""
    seed = int(os.environ.get("VOICEWRIGHT_KILL_SEED", time.time_ns() % 2**32))
    print(f"VOICEWRIGHT_KILL_SEED={seed}")
    return random.Random(seed)


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
def test_kills_at_named_places_change_no_byte(
    finished: Finished,
    read: Callable[..., Any],
    environment: dict[str, str],
    tmp_path: Path,
    moments: random.Random,
) -> None:
    places = places_of(finished.events, moments)
    print(places)
    *disturbed, last = attempts(finished.recordings, tmp_path / "killed", environment, [*places, None])
    assert [killed for killed, _ in disturbed] == [True] * KILLS
    assert not last[0]
    assert digests(tmp_path / "killed") == digests(finished.workspace)
    assert read("store", "verify", workspace="killed")["removed"] == []


@pytest.mark.timeout(1200)
def test_a_storm_of_signals_changes_no_byte_and_leaves_nothing(
    finished: Finished, tmp_path: Path, moments: random.Random
) -> None:
    """The command as a person types it, its workers and its training."""
    figures = Storm(finished.recordings, tmp_path / "storm", moments).run(STORM_KILLS)
    print(figures.report())
    assert figures.faults == []
    assert figures.digests == digests(finished.workspace)
    assert figures.leftovers == []


@pytest.mark.timeout(1200)
def test_a_disk_that_fills_or_cannot_be_written_is_told_and_loses_nothing(
    finished: Finished, command: Callable[..., list[str]], environment: dict[str, str], tmp_path: Path
) -> None:
    """Full in the first stage, at a checkpoint, late with MLflow's database beside it; then read-only."""
    settings = [part for one in SETTINGS for part in ("--set", one)]
    arguments = ("finetune", finished.recordings, "--voice", "v", "--preset", "tiny", *settings)
    screen = tmp_path / "screen.txt"

    def start(*further: str) -> subprocess.Popen[bytes]:
        with screen.open("wb") as output:
            return subprocess.Popen(
                command(*arguments, *further), env=environment, stdout=output, stderr=output
            )

    def refused(run: subprocess.Popen[bytes], *words: str) -> None:
        assert run.wait(300) == 74, screen.read_text()
        said = screen.read_text()
        assert "Traceback" not in said
        assert said.count("error: ") == 1
        assert all(word in said for word in (*words, "what was finished is kept")), said

    with small_disk(tmp_path / "workspace", 4_000_000):
        refused(start(), "records of the run: at least 12 MB", "4.0 MB are free")
    with small_disk(tmp_path / "workspace", 50_000_000) as workspace:
        # What was made up to the training is there already.
        shutil.copytree(finished.workspace, workspace, dirs_exist_ok=True)
        again = ("--until", "train_sovits", "--force", "train_sovits")
        refused(start(*again), "train_sovits", "checkpoints of", "2 of which are kept")
    with small_disk(tmp_path / "workspace", 200_000_000) as workspace:
        moments: list[tuple[Callable[[], bool], tuple[str, ...]]] = [
            (lambda: any(workspace.glob("store/blobs/*/*")), ("--until", "plan")),
            (lambda: any(workspace.glob("work/train_sovits/*/checkpoints/step-*")), ()),
            (lambda: "train_t2s" in stages_done(screen), ("--set", "tracking.enabled=true")),
        ]
        for has_come, further in moments:
            run = start(*further)
            while not has_come():
                assert run.poll() is None, screen.read_text()
                time.sleep(0.02)
            filler = fill(workspace)
            refused(run, str(workspace), "are free there", "store gc")
            filler.unlink()
        assert start().wait(400) == 0, screen.read_text()
        assert digests(workspace) == digests(finished.workspace)
        make_read_only(workspace)
        refused(start(), "lies on a file system that is read-only", str(workspace))
        make_read_only(workspace, read_only=False)
        assert start().wait(300) == 0, screen.read_text()
