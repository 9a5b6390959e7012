"""Voices made for clients: the command that a person would type, one at a time, with a record of each.

A training is a process of its own and outlives the server. A server that starts finds those that run, and
begins those that still wait.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from artifacts.store import write_atomically
from configs.errors import UserError
from flows.progress_file import read_progress
from flows.serve.faults import ApiError, busy
from flows.services import ROOT
from flows.supervisor import started_at
from tasks.versions.record import now
from tasks.voice import check_name

logger = logging.getLogger(__name__)

State = Literal["queued", "running", "stopping", "finished", "failed", "cancelled"]
WAITING = 8
"""Trainings that may wait for their turn."""
LOOK_S = 0.5
STOP_WAIT_S = 40.0
ADVICE_S = 60
FOLDER = "serving"
_TOLD = ("queued", "running", "stopping")


@dataclass(frozen=True)
class Training:
    """A training that somebody asked for.

    Attributes:
        voice: Its name.
        recordings: Folder.
        preset: As asked for; empty: the voice's recipe stays.
        language: As asked for; may be None.
        digest: Of the request.
        key: By which the request can be repeated, or empty.
        asked_at: UTC.
        state: See `State`.
        pid, started: The process; 0 and empty before it runs.
        message: What went wrong.
        overrides: Single settings that follow from what was asked for.
    """

    voice: str
    recordings: str
    preset: str
    language: str | None
    digest: str
    key: str
    asked_at: str
    state: State = "queued"
    pid: int = 0
    started: str = ""
    message: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def is_present(self) -> bool:
        """Whether it runs or waits."""
        return self.state in _TOLD


class Trainings:
    """Starts trainings one after the other.

    Args:
        workspace: Where voices are made.
        command: What runs the command line.
    """

    def __init__(self, workspace: Path, command: tuple[str, ...] = ()) -> None:
        self._workspace = workspace
        self._command = command or (sys.executable, str(ROOT / "voicewright.py"))
        self._folder = workspace / FOLDER / "trainings"
        self._lock = threading.RLock()
        self._known: dict[str, Training] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop_by_s: dict[str, float] = {}
        self._unwritten: set[str] = set()
        self._ended = threading.Event()
        self._read()

    def start(self) -> None:
        """Look after them from now on."""
        threading.Thread(target=self._look_on, name="trainings", daemon=True).start()

    def end(self) -> None:
        """Look after them no more; they go on."""
        self._ended.set()

    @property
    def names(self) -> list[str]:
        """Voices whose training was asked for here."""
        with self._lock:
            return list(self._known)

    def find(self, voice: str) -> Training | None:
        """The last training of a voice that was asked for here."""
        with self._lock:
            return self._known.get(voice)

    def repeated(self, key: str, digest: str) -> Training | None:
        """The training that the same request began earlier.

        Raises:
            ApiError: another request had this key.
        """
        with self._lock:
            for training in self._known.values():
                if key and training.key == key:
                    if training.digest != digest:
                        raise ApiError(
                            409, "this Idempotency-Key came with another request", "idempotency_key_reused"
                        )
                    return training
        return None

    def add(self, training: Training) -> Training:
        """Take a training on.

        Raises:
            ApiError: the voice is being trained, or too many wait.
            UserError: its name is none.
        """
        check_name(training.voice)
        with self._lock:
            self.check_rests(training.voice)
            if sum(one.state == "queued" for one in self._known.values()) >= WAITING:
                raise busy(ADVICE_S, "too many trainings wait")
            self._put(training)
            self._begin_next()
            return self._known[training.voice]

    def check_rests(self, voice: str) -> None:
        """See that no training of a voice runs or waits.

        Raises:
            ApiError: one does.
        """
        known = self.find(voice)
        if known is not None and known.is_present:
            raise ApiError(409, f"{voice}: is being trained; cancel that first", "training_exists", "voice")

    def cancel(self, voice: str) -> Training:
        """Stop a training; what it finished is kept, and the same request goes on from there.

        Raises:
            ApiError: none runs or waits.
        """
        with self._lock:
            training = self._known.get(voice)
            if training is None or not training.is_present:
                raise ApiError(409, f"{voice[:64]}: no training of it runs or waits here", "no_training")
            if training.state == "queued":
                self._put(replace(training, state="cancelled"))
            elif training.state == "running":
                self._signal(training, signal.SIGTERM)
                self._stop_by_s[voice] = time.monotonic() + STOP_WAIT_S
                self._put(replace(training, state="stopping"))
            return self._known[voice]

    # -- internals

    def _read(self) -> None:
        for path in sorted(self._folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                training = Training(**json.loads(path.read_bytes()))
                self._known[training.voice] = training

    def _put(self, training: Training) -> None:
        """Know it from now on; where it cannot be written down that is tried again at every look."""
        self._known[training.voice] = training
        self._write(training.voice)

    def _write(self, voice: str) -> None:
        path = self._folder / f"{check_name(voice)}.json"
        try:
            write_atomically(path, json.dumps(asdict(self._known[voice])).encode())
        except (OSError, UserError) as error:
            for left in self._folder.glob(f".{path.name}.*"):
                with suppress(OSError):
                    left.unlink()
            if voice not in self._unwritten:
                logger.warning("%s: how far its training is cannot be written down yet: %s", voice, error)
            self._unwritten.add(voice)
        else:
            self._unwritten.discard(voice)

    def _look_on(self) -> None:
        while not self._ended.wait(LOOK_S):
            with self._lock:
                for training in list(self._known.values()):
                    self._look_after(training)
                self._begin_next()

    def _look_after(self, training: Training) -> None:
        try:
            if training.voice in self._unwritten:
                self._write(training.voice)
            if training.pid and training.is_present:
                self._look_at(training)
        except Exception:
            # Whatever it is, the others are looked after.
            logger.exception("%s: its training could not be looked after", training.voice)

    def _look_at(self, training: Training) -> None:
        """Whether it has ended, and how; one that was told to stop and does not is ended."""
        process = self._processes.get(training.voice)
        if process is not None:
            process.poll()
        if started_at(training.pid) == training.started:
            if time.monotonic() > self._stop_by_s.get(training.voice, float("inf")):
                self._signal(training, signal.SIGKILL)
            return
        status = None if process is None else process.returncode
        ended = read_progress(self._workspace, training.voice)
        if status is None:
            # Another server began it.
            status = 0 if ended is not None and ended.state == "finished" else 1
        if training.state == "stopping" and status:
            self._put(replace(training, state="cancelled"))
        elif status == 0:
            self._put(replace(training, state="finished"))
        else:
            self._put(replace(training, state="failed", message=self._last_line(training.voice)))
        self._processes.pop(training.voice, None)
        self._stop_by_s.pop(training.voice, None)

    def _begin_next(self) -> None:
        if any(one.state in ("running", "stopping") for one in self._known.values()):
            return
        waiting = sorted(
            (one for one in self._known.values() if one.state == "queued"), key=lambda one: one.asked_at
        )
        if not waiting:
            return
        try:
            self._begin(waiting[0])
        except Exception as error:
            logger.exception("%s: its training could not be begun", waiting[0].voice)
            reason = getattr(error, "strerror", None) or error
            self._put(replace(waiting[0], state="failed", message=f"it could not be begun: {reason}"))

    def _begin(self, training: Training) -> None:
        log = self._log(training.voice)
        log.parent.mkdir(parents=True, exist_ok=True)
        language = [f"corpus.language={training.language}"] if training.language else []
        settings = [part for one in (*language, *training.overrides) for part in ("--set", one)]
        preset = ["--preset", training.preset] if training.preset else []
        arguments = ["finetune", training.recordings, "--voice", training.voice, *preset, *settings]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self._command, "-w", str(self._workspace), *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C at the server's terminal is not meant for it.
                start_new_session=True,
            )
        self._processes[training.voice] = process
        self._put(replace(training, state="running", pid=process.pid, started=started_at(process.pid)))

    def _log(self, voice: str) -> Path:
        return self._workspace / "logs" / f"training-{check_name(voice)}.log"

    def _last_line(self, voice: str) -> str:
        with suppress(OSError):
            lines = self._log(voice).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            told = [line for line in lines if line.startswith("error:")]
            return (told or lines or [""])[-1].removeprefix("error: ")
        return ""

    def _signal(self, training: Training, sign: signal.Signals) -> None:
        if started_at(training.pid) == training.started:
            with suppress(ProcessLookupError, PermissionError):
                if sign == signal.SIGKILL:
                    os.killpg(training.pid, sign)
                else:
                    os.kill(training.pid, sign)


def asked_now(
    voice: str,
    recordings: Path,
    preset: str,
    language: str | None,
    digest: str,
    key: str,
    overrides: tuple[str, ...] = (),
) -> Training:
    """A training that is asked for now."""
    return Training(voice, str(recordings), preset, language, digest, key, now(), overrides=overrides)
