"""kill -9 at random moments: the same command goes on and ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import QUICK

KILLS = 12


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twelve_kills_change_no_byte(
    few: Callable[[int], Path],
    command: Callable[..., list[str]],
    read: Callable[..., Any],
    environment: dict[str, str],
):
    recordings = few(8)
    settings = [part for one in QUICK for part in ("--set", one)]

    def start(workspace: str) -> subprocess.Popen[bytes]:
        arguments = ("finetune", recordings, "--voice", "v", "--preset", "tiny", *settings)
        return subprocess.Popen(
            command(*arguments, workspace=workspace),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    started = time.monotonic()
    undisturbed = start("undisturbed")
    _, errors = undisturbed.communicate(timeout=400)
    assert undisturbed.returncode == 0, errors.decode()[-2000:]
    whole_s = time.monotonic() - started

    # Moments are drawn anew each time and printed, so that a failure can be repeated.
    seed = int(os.environ.get("VOICEWRIGHT_KILL_SEED", time.time_ns() % 2**32))
    print(f"VOICEWRIGHT_KILL_SEED={seed}")
    moments = random.Random(seed)
    killed = 0
    for _ in range(KILLS):
        run = start("killed")
        try:
            # Later moments are reached because finished work is kept; start-up alone takes seconds.
            run.wait(timeout=moments.uniform(1.0, 0.35 * whole_s))
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
        run.stderr.close()
    last = start("killed")
    _, errors = last.communicate(timeout=400)
    assert last.returncode == 0, errors.decode()[-2000:]
    assert killed >= KILLS // 2, "most moments must fall inside the run"

    expected = {
        s["stage"]: s["output_digest"] for s in read("status", "v", workspace="undisturbed")["stages"]
    }
    got = {s["stage"]: s["output_digest"] for s in read("status", "v", workspace="killed")["stages"]}
    assert None not in expected.values()
    assert got == expected
    assert read("store", "verify", workspace="killed")["removed"] == []
