"""The process that keeps services running: `python -m flows.supervisor PLAN [--while-open]`.

It starts each service when what it needs answers, starts it again when it ends (waiting longer each time),
keeps rotated logs, and stops everything when it is told to. It is started detached by `flows.services`;
what it does stands in `services.json` in the workspace, for people and for `status`. That a process is one of
these services is told by the mark in its environment, never by that file. With `--while-open`
it also ends when its standard input does, which happens however the process at the other end ends.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any, Literal

from flows.login import client_environment, login, server_environment, write_private

HOST = "127.0.0.1"
LOG_BYTES = 5_000_000
LOGS_KEPT = 3
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
STEADY_S = 60.0
STOP_WAIT_S = 15.0
LOOK_EVERY_S = 0.25
CALM_LOOK_EVERY_S = 5.0
SUPERVISOR = "supervisor"
MARK = "VOICEWRIGHT_SERVICES_OF"
"""Variable by which a process of the services is known for one. Nobody but the user who starts a process, and
what that user started it from, chooses its environment; another user's process is never looked at."""
SERVICE = "VOICEWRIGHT_SERVICE"
"""Variable that says which service a marked process belongs to, in words for people."""


def mark(workspace: Path) -> str:
    """Value of `MARK` for the workspace's processes; a copy of the folder has processes of its own.

    It needs no secret: `down` must end the services also when their login is lost.
    """
    return str(workspace.resolve())


def title(name: str, port: int) -> str:
    """A service in words for people."""
    return f"{name} ({HOST}:{port})" if port else name


def supervisor_title(ports: Mapping[str, int]) -> str:
    """The supervisor in words: what it keeps, and where; its environment says the same."""
    return f"{SUPERVISOR} of {', '.join(title(name, port) for name, port in ports.items())}"


@dataclass(frozen=True)
class Service:
    """One program to keep running.

    Attributes:
        command: argument list.
        port: where it listens on 127.0.0.1; 0 for none.
        health: path that answers 200 when it is ready; empty for a service without a port.
        needs: service that must answer before this one starts; empty for none.
        login: whether it checks the workspace's login, or asks with it.
    """

    name: str
    command: tuple[str, ...]
    port: int = 0
    health: str = ""
    needs: str = ""
    login: Literal["checks", "asks", ""] = ""

    @property
    def title(self) -> str:
        """In words for people."""
        return title(self.name, self.port)


@dataclass(frozen=True)
class Plan:
    """What to supervise, where, and in which environment.

    It travels as a command-line argument, which every user of the machine can read: no secret may be in it.

    Attributes:
        public: whether others are told of it, by `services.json` and by the mark.
    """

    workspace: str
    root: str
    services: tuple[Service, ...]
    environment: dict[str, str] = field(default_factory=dict)
    public: bool = True

    def to_json(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """From the command line."""
        raw = json.loads(text)
        services = tuple(Service(**{**one, "command": tuple(one["command"])}) for one in raw.pop("services"))
        return cls(services=services, **raw)


def answers(port: int, path: str, authorization: str = "", timeout_s: float = 2.0) -> bool:
    """Whether a service on this machine answers a request with success."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def started_at(pid: int) -> str:
    """When a process started, in the system's own words; empty when it does not run.

    A process identifier is used again after its process ends; together with the start it is unique.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    listed = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def state_path(workspace: Path) -> Path:
    """Where the supervisor says what it does."""
    return workspace / "services.json"


class Supervised:
    """One service and its present process."""

    def __init__(self, service: Service, plan: Plan) -> None:
        self.service = service
        self._plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._wait_s = FIRST_WAIT_S
        self._next_s = 0.0
        self.starts = 0

    @property
    def pid(self) -> int:
        """The running process, 0 for none."""
        return self._process.pid if self._process is not None else 0

    def look(self, ready: Mapping[str, bool]) -> bool:
        """Start what should run, notice what ended; whether anything changed."""
        now_s = time.monotonic()
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return False
            if now_s - self._started_s > STEADY_S:
                self._wait_s = FIRST_WAIT_S
            logging.warning(
                "%s ended with status %d; starting it again in %.0f s",
                self.service.name,
                status,
                self._wait_s,
            )
            self._end_group(signal.SIGKILL)
            self._process = None
            self._next_s = now_s + self._wait_s
            self._wait_s = min(LONGEST_WAIT_S, 2 * self._wait_s)
            return True
        if now_s < self._next_s or (self.service.needs and not ready.get(self.service.needs)):
            return False
        self._start()
        return True

    def healthy(self) -> bool:
        """Whether it runs and, where it listens, answers."""
        running = self._process is not None and self._process.poll() is None
        return running and (not self.service.port or answers(self.service.port, self.service.health))

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._process is None:
            return
        self._end_group(signal.SIGTERM)
        try:
            self._process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            logging.warning("%s did not stop in %.0f s", self.service.name, STOP_WAIT_S)
        self._end_group(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self.service.command,
            cwd=self._plan.root,
            env={**os.environ, **self._plan.environment, **self._own_environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.starts += 1
        self._started_s = time.monotonic()
        logging.info("%s started, process %d", self.service.name, self._process.pid)
        assert self._process.stdout is not None
        log = Path(self._plan.workspace) / "logs" / f"{self.service.name}.log"
        threading.Thread(target=_keep_log, args=(self._process.stdout, log), daemon=True).start()

    def _own_environment(self) -> dict[str, str]:
        workspace = Path(self._plan.workspace)
        marks = {MARK: mark(workspace), SERVICE: self.service.title} if self._plan.public else {}
        logins = {"checks": server_environment, "asks": client_environment}
        made = logins[self.service.login](login(workspace)) if self.service.login else {}
        return marks | made

    def _end_group(self, sign: signal.Signals) -> None:
        assert self._process is not None
        try:
            os.killpg(self._process.pid, sign)
        except ProcessLookupError:
            return


def _keep_log(source: IO[bytes], path: Path) -> None:
    handler = _rotating(path, "%(message)s")
    with source:
        for line in source:
            text = line.decode(errors="replace").rstrip("\n")
            handler.emit(logging.LogRecord("", logging.INFO, "", 0, text, None, None))
    handler.close()


def _rotating(path: Path, form: str) -> RotatingFileHandler:
    handler = RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter(form))
    return handler


def supervise(plan: Plan, stop: threading.Event) -> None:
    """Keep the plan's services running until `stop` is set, then end them."""
    workspace = Path(plan.workspace)
    own = [Supervised(service, plan) for service in plan.services]
    ready = {service.name: False for service in plan.services}
    if plan.public:
        # Before the first of them runs: whoever looks finds this process.
        write_private(state_path(workspace), _state(own, ready).encode())
    try:
        while not stop.is_set():
            changed = [one.look(ready) for one in own]
            now = {one.service.name: one.healthy() for one in own}
            if any(changed) or now != ready:
                ready = now
                if plan.public:
                    write_private(state_path(workspace), _state(own, ready).encode())
            stop.wait(CALM_LOOK_EVERY_S if all(ready.values()) else LOOK_EVERY_S)
    finally:
        for one in reversed(own):
            one.stop()
        if plan.public:
            state_path(workspace).unlink(missing_ok=True)
        logging.info("stopped")


def _state(own: Sequence[Supervised], ready: Mapping[str, bool]) -> str:
    services: dict[str, Any] = {
        one.service.name: {
            "pid": one.pid,
            "started": started_at(one.pid) if one.pid else "",
            "port": one.service.port,
            "ready": ready[one.service.name],
            "starts": one.starts,
        }
        for one in own
    }
    supervisor = {"pid": os.getpid(), "started": started_at(os.getpid())}
    return json.dumps({"supervisor": supervisor, "services": services}, indent=1)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


def main() -> None:
    """Supervise the plan given on the command line."""
    plan = Plan.from_json(sys.argv[1])
    log = _rotating(Path(plan.workspace) / "logs" / "supervisor.log", "%(asctime)s %(message)s")
    logging.basicConfig(level=logging.INFO, handlers=[log])
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    if "--while-open" in sys.argv:
        threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()
    supervise(plan, stop)


if __name__ == "__main__":
    main()
