"""A program of others that ends with whoever asked for it: `leashed`, and the process between the two.

Killed, out of patience or told to stop, a run must not leave an aligner behind that learns for an hour.
The process between (this file as a script) holds one end of a pipe, the asking process the other, which the
kernel closes however that ends; then the program's whole process group is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

_ASK_S = 0.3
_NOT_STARTED = 125


def leashed(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    heed: Callable[[], None] = lambda: None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; nobody can type to it.

    Args:
        command: Program and arguments.
        environment: All of its variables.
        timeout_s: Longest that it may take.
        heed: Called a few times a second; what it raises ends the program.

    Raises:
        OSError: the program cannot be started.
        subprocess.TimeoutExpired: it took longer.
    """
    leash, held = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", __file__, *command],
            env=dict(environment),
            stdin=leash,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(leash)
    until = time.monotonic() + timeout_s
    with process:
        try:
            output, errors = _said(process, until, timeout_s, heed)
        finally:
            os.close(held)
    if process.returncode == _NOT_STARTED and errors.isdecimal():
        raise OSError(int(errors), os.strerror(int(errors)))
    return subprocess.CompletedProcess(list(command), process.returncode, output, errors)


def _said(
    process: subprocess.Popen[str], until: float, timeout_s: float, heed: Callable[[], None]
) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=_ASK_S)
        except subprocess.TimeoutExpired as error:
            heed()
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(error.cmd, timeout_s) from error


def _between(command: Sequence[str]) -> int:
    """Start the program, and end it when standard input does; its exit status."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A terminal signals all of its group. Not ignored: the program would inherit that.
        signal.signal(sign, lambda *_: None)
    try:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    except OSError as error:
        sys.stderr.write(str(error.errno))
        return _NOT_STARTED
    threading.Thread(target=_end_with_leash, args=(program.pid,), daemon=True).start()
    status = program.wait()
    _kill(program.pid)
    return status if status >= 0 else 128 - status


def _end_with_leash(group: int) -> None:
    while os.read(0, 1):
        pass
    _kill(group)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _status = _between(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`, which would wait for the thread that reads.
    os._exit(_status)
