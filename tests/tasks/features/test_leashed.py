"""A program of others, and what it started itself, are gone when whoever asked for them is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.features.leashed import leashed

ROOT = Path(__file__).resolve().parents[3]
# It tells its own process and that of a program that it starts.
LASTS = 'sleep 600 & echo "$$ $!" > "$0.tmp"; mv "$0.tmp" "$0"; wait'


def lasting(place: Path) -> list[str]:
    return ["/bin/sh", "-c", LASTS, str(place)]


def started(place: Path) -> list[int]:
    """The processes, once they are there."""
    until = time.monotonic() + 30
    while not place.is_file():
        assert time.monotonic() < until
        time.sleep(0.02)
    return list(map(int, place.read_text().split()))


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def all_gone(processes: list[int]) -> bool:
    until = time.monotonic() + 30
    while any(map(alive, processes)):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_what_it_says_and_how_it_ends_come_back() -> None:
    done = leashed(["/bin/sh", "-c", 'echo "$WORD"; echo Fehler: größer >&2; exit 3'], {"WORD": "heard"}, 30)
    assert (done.returncode, done.stdout, done.stderr) == (3, "heard\n", "Fehler: größer\n")
    assert leashed(["/bin/sh", "-c", "kill -9 $$"], {}, 30).returncode == 128 + signal.SIGKILL


def test_nobody_can_type_to_it() -> None:
    assert leashed(["/bin/cat"], {}, 30).stdout == ""


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_a_program_that_cannot_be_started_is_told(tmp_path: Path, error: type[OSError]) -> None:
    program = tmp_path / "program"
    if error is PermissionError:
        program.write_text("nobody may run this\n")
    with pytest.raises(error):
        leashed([str(program)], {}, 30)


@pytest.mark.slow
def test_it_ends_with_all_that_it_started_when_its_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        leashed(lasting(tmp_path / "lasting"), dict(os.environ), 1.0)
    assert all_gone(started(tmp_path / "lasting"))


def test_it_ends_when_a_stop_is_asked_for(tmp_path: Path) -> None:
    place = tmp_path / "lasting"

    class StoppedError(Exception):
        pass

    def heed() -> None:
        if place.is_file():
            raise StoppedError

    with pytest.raises(StoppedError):
        leashed(lasting(place), dict(os.environ), 60, heed)
    assert all_gone(started(place))


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda asking: asking.kill(), id="killed"),
        pytest.param(lambda asking: os.killpg(asking.pid, signal.SIGTERM), id="its group told to end"),
    ],
)
def test_it_ends_when_who_asked_for_it_is_gone(
    tmp_path: Path, end: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    place = tmp_path / "lasting"
    code = (
        "import os, sys; from tasks.features.leashed import leashed; "
        "leashed(sys.argv[1:], dict(os.environ), 60)"
    )
    asking = subprocess.Popen([sys.executable, "-c", code, *lasting(place)], cwd=ROOT, start_new_session=True)
    try:
        processes = started(place)
        assert all(map(alive, processes))
        end(asking)
        asking.wait(30)
        assert all_gone(processes)
    finally:
        asking.kill()
