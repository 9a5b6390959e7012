"""Signals end a process: once cleanly, twice at once, and never later than its patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.storm import MARK, marked

ROOT = Path(__file__).resolve().parents[2]
BEGIN = """
import sys, time
from flows.interrupts import Interrupted, Interrupts
interrupts = Interrupts(patience_s={patience_s})
interrupts.install()
"""
SAVES = """
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("saved", flush=True)
    sys.exit(interrupts.status)
"""
SAVES_SLOWLY = """
try:
    print("ready", flush=True)
    time.sleep(60)
finally:
    print("saving", flush=True)
    time.sleep(60)
"""
DEAF = """
to_say = ["ready"]
while True:
    try:
        while to_say:
            print(to_say.pop(), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("not now", flush=True)
"""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def start(program: str, patience_s: float = 30.0) -> subprocess.Popen[str]:
    # Whoever runs the tests under nohup ignores hangups, and so would their processes.
    heeding = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", heeding + BEGIN.format(patience_s=patience_s) + program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("sign", SIGNALS)
def test_a_signal_is_an_interrupt_and_the_status_tells_it(sign: signal.Signals) -> None:
    process = start(SAVES)
    process.send_signal(sign)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (128 + sign, "saved\n", "")


def test_a_second_ctrl_c_ends_at_once_but_one_press_is_not_two() -> None:
    process = start(SAVES_SLOWLY)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.count("what was finished is kept") == 1 and "Traceback" not in errors
    assert errors.index("stopping: what is finished stays") < errors.index("what was finished is kept")


def test_what_swallows_the_interrupt_ends_when_patience_does() -> None:
    process = start(DEAF, patience_s=0.5)
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=30)
    assert (process.returncode, said) == (143, "not now\n")
    assert "what was finished is kept" in errors


def test_a_handler_that_a_library_puts_in_the_place_of_ours_changes_nothing() -> None:
    theirs = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('theirs', flush=True))\n"
    process = start(theirs + DEAF, patience_s=0.5)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (143, "theirs\n")


def test_what_nohup_ignores_stays_ignored() -> None:
    program = "import signal\nprint(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)\n"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", BEGIN.format(patience_s=1.0) + program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"


WORKERS = """
import time
from tasks.workers import Workers
if __name__ == "__main__":
    results = Workers(2).map(time.sleep, [(0.0,)] * 2 + [(60.0,)] * 6, parallel=True)
    next(results)
    print("working", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_workers_end_with_their_parent_and_only_with_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WORKERS)
    mark = tmp_path.name
    process = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), MARK: mark},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    workers = [pid for pid, command in marked(mark) if "spawn_main" in command]
    assert len(workers) == 2
    for pid in workers:
        for sign in SIGNALS:
            os.kill(pid, sign)
    time.sleep(0.5)
    assert {pid for pid, _ in marked(mark)} >= set(workers)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while left := list(marked(mark)):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.slow
def test_a_hangup_leaves_the_keeper_of_the_workers_semaphores() -> None:
    program = """
import os, signal, time
from multiprocessing import resource_tracker
from tasks.workers import Workers
workers = Workers(2)
assert list(workers.map(abs, [(-n,) for n in range(8)], parallel=True)) == list(range(8))
keeper = resource_tracker._resource_tracker._pid
os.kill(keeper, signal.SIGHUP)
time.sleep(0.5)
assert os.waitpid(keeper, os.WNOHANG) == (0, 0)
workers.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_no_library_leaves_traces_of_a_reporter(tmp_path: Path) -> None:
    """onnxruntime keeps a session for its telemetry in the temporary folder as soon as it is imported."""
    program = "import os, voicewright as v; os.environ.update(v.TELEMETRY_OFF); import onnxruntime"
    kept = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    environment = {**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
