"""`store gc` in a loop beside pipelines that run all the time: nobody may lose what he needs.

Each pipeline makes a voice of texts that change from run to run, so that every run finds, computes and leaves
behind something; a run that ends is checked blob by blob. Usage: `python -m tests.artifacts.gc_beside
--minutes 5`; prints JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from configs.errors import UserError
from tasks.tidying import tidy
from tests.tasks.small_pipeline import run_all, small_pipeline

NAMES = "abcdefghijkl"
# Importing takes longer than a run.
START_WAIT_S = 120.0


def voice(workspace: Path, name: str, url: str, seconds: float, ready: Barrier, said: Queue[str]) -> None:
    """Run one voice over and over, looking at every blob after each run."""
    draw = random.Random(name)
    run_all(small_pipeline(workspace, {"a": "a"}, name, url))
    ready.wait(START_WAIT_S)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        # Few texts, so that earlier runs' rows are wanted again after a clean-up might have taken them.
        texts = {letter: letter * draw.randint(1, 6) for letter in draw.sample(NAMES, 8)}
        results = run_all(small_pipeline(workspace, texts, name, url))
        said.put("computed" if any(status == "computed" for status, _ in results.values()) else "cached")
        checked = run_all(small_pipeline(workspace, texts, name, url, thorough=True))
        said.put("whole" if {status for status, _ in checked.values()} == {"cached"} else "lost")


def clean(workspace: Path, url: str, seconds: float, ready: Barrier, said: Queue[str]) -> None:
    """`store gc` without a pause."""
    store = small_pipeline(workspace, {"a": "a"}, "never-run", url).store
    ready.wait(START_WAIT_S)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        try:
            swept = tidy(store, workspace, dry_run=False, wait_s=5)
        except UserError as error:
            said.put("gave way" if "in use" in str(error) else str(error))
        else:
            said.put("cleaned" if sum(one.number for one in swept) else "found nothing")


def storm(workspace: Path, seconds: float, voices: int = 2, url: str = "") -> Counter[str]:
    """How often what happened; `lost` and `died` must not have."""
    processes = multiprocessing.get_context("spawn")
    said: Queue[str] = processes.Queue()
    ready = processes.Barrier(voices + 1)
    running = [
        processes.Process(target=voice, args=(workspace, f"v{number}", url, seconds, ready, said))
        for number in range(voices)
    ]
    running.append(processes.Process(target=clean, args=(workspace, url, seconds, ready, said)))
    for one in running:
        one.start()
    counts: Counter[str] = Counter()
    while any(one.is_alive() for one in running) or not said.empty():
        while not said.empty():
            counts[said.get()] += 1
        time.sleep(0.05)
    counts["died"] = sum(one.exitcode != 0 for one in running)
    return counts


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--voices", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="voicewright-gc-") as folder:
        counts = storm(Path(folder), given.minutes * 60, given.voices)
    print(json.dumps({"minutes": given.minutes, "voices": given.voices, "happened": counts}, indent=1))
    return int(counts["lost"] + counts["died"] > 0)


if __name__ == "__main__":
    sys.exit(main())
