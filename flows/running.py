"""Which services of a workspace run: what their supervisor wrote down, and the processes that bear the mark.

The record lies in a folder that other programs may write to. It is read as a hint of any shape, and nothing
is signalled or asked because of it: a process belongs to the services when its environment holds the
workspace's mark, and the record counts when the supervisor's own environment names the same services and
ports.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from flows.supervisor import MARK, SERVICE, SUPERVISOR, mark, started_at, state_path, supervisor_title


class RunningService(BaseModel):
    """One service, as its supervisor last saw it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    pid: int
    started: str
    port: int
    ready: bool
    starts: int


Services = Mapping[str, RunningService]


class _Supervisor(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    pid: int
    started: str


class Record(BaseModel):
    """`services.json`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    supervisor: _Supervisor
    services: dict[str, RunningService]


class MarkedProcess(NamedTuple):
    """A process of the services.

    Attributes:
        service: Which of them, in words for people.
        started: As `started_at`; with the number it is unique.
    """

    pid: int
    started: str
    service: str

    @property
    def supervises(self) -> bool:
        """Whether it is the supervisor."""
        return self.service.startswith(SUPERVISOR)

    def signal(self, sign: signal.Signals) -> None:
        """Send a signal, if it still is the same process."""
        if started_at(self.pid) == self.started:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sign)


def recorded(workspace: Path) -> Record | None:
    """What the supervisor wrote down; None when it does not run, or what lies there is not its record."""
    try:
        found = Record.model_validate_json(state_path(workspace).read_bytes())
    except (OSError, ValidationError):
        return None
    claimed = MarkedProcess(
        found.supervisor.pid,
        found.supervisor.started,
        supervisor_title({name: service.port for name, service in found.services.items()}),
    )
    return found if claimed in marked(workspace) else None


def marked(workspace: Path) -> list[MarkedProcess]:
    """Every running process of this user that bears the workspace's mark, this one excepted."""
    wanted = os.fsencode(f"{MARK}={mark(workspace)}")
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            # It has ended, or belongs to somebody else.
            continue
        if wanted in variables and (started := started_at(int(folder.name))):
            names = [v for v in variables if v.startswith(f"{SERVICE}=".encode())]
            service = names[0].partition(b"=")[2].decode(errors="replace") if names else "?"
            found.append(MarkedProcess(int(folder.name), started, service))
    return found
