"""Asks the readers of `c_readers`: a text on which one of them breaks down costs that text, nothing else.

espeak-ng 1.52 dies of a segmentation fault on some words, for example an accent before Malayalam letters;
inside a run that would end the run.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from models.frontend.espeak_copies import copies_folder
from models.frontend.text.c_readers import MEMORY_BYTES, OUT_OF_MEMORY, TEXT_CPU_S

_PROGRAM = Path(__file__).with_name("c_readers.py")
# Far above the limit of computing time: only a process that sleeps forever gets here.
_ANSWER_WAIT_S = 900.0


class BreakdownError(Exception):
    """A reader crashed on a text, or had not read it within its limits."""

    def __init__(self, reader: str, text: str, how: str) -> None:
        super().__init__(f"{reader} {how}")
        self.reader, self.text, self.how = reader, text, how


class ReaderError(RuntimeError):
    """A reader raised an error of its own: a part of it is not installed, or is damaged."""


def ask(reader: str, text: str = "", *arguments: str) -> Any:
    """What a function of `c_readers` returns.

    A process that breaks down may have been damaged by an earlier text, so the text is tried once more in a
    fresh one: whether it can be read depends on it alone.

    Raises:
        BreakdownError: it broke down on this text.
        ReaderError: it raised an error.
    """
    return _readers(os.getpid()).ask(reader, text, arguments)


@functools.lru_cache(maxsize=1)
def _readers(process_id: int) -> _Readers:
    """By process: what a fork inherits is the parent's."""
    del process_id
    return _Readers()


class _Readers:
    """The process, started when first asked and again after it broke down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Connection | None = None
        atexit.register(self._close)

    def ask(self, reader: str, text: str, arguments: tuple[str, ...]) -> Any:
        request = json.dumps([reader, *([text] if text else []), *arguments]).encode()
        with self._lock:
            was_fresh = self._process is None
            answer = self._answer(request)
            if "broke" in answer and not was_fresh:
                answer = self._answer(request)
        if "broke" in answer:
            raise BreakdownError(reader, text, answer["broke"])
        if "failed" in answer:
            raise ReaderError(f"{reader} failed on {text[:60]!r}: {answer['failed']}")
        return answer["said"]

    def _answer(self, request: bytes) -> dict[str, Any]:
        end = self._end or self._start()
        try:
            end.send_bytes(request)
            if end.poll(_ANSWER_WAIT_S):
                answer: dict[str, Any] = json.loads(end.recv_bytes())
                return answer
        except (EOFError, ConnectionError):
            pass
        return {"broke": _said_of(self._close())}

    def _start(self) -> Connection:
        self._end, theirs = Pipe()
        # -P: the folder of the program holds a module `numbers`, which must not hide Python's.
        command = [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno())]
        environment = {
            **os.environ,
            # Arithmetic libraries reserve memory for each of their threads.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            # phonemizer copies the espeak-ng library for each voice, and a killed process leaves its copies.
            "TMPDIR": str(copies_folder()),
        }
        self._process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            # Where Open JTalk complains of every text that it is silent about; failures are answers.
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        return self._end

    def _close(self) -> int:
        """End the process; its exit status."""
        if self._process is None or self._end is None:
            return 0
        self._end.close()
        try:
            status = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process = self._end = None
        return status


def _said_of(status: int) -> str:
    if status == -signal.SIGPROF:
        return f"needs more than {TEXT_CPU_S:g} s"
    if status == OUT_OF_MEMORY:
        return f"needs more than {MEMORY_BYTES >> 30} GiB of memory"
    return f"crashed ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
