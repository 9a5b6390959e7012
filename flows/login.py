"""The secret of a workspace's Prefect server, and the mark of the processes that belong to the workspace.

Whoever can start a flow run can have this machine execute something, so the server answers only to those who
can read the workspace's `login` file (mode 600). The commands, the worker and `prefect` in the checkout read
it by themselves; a person needs it once, for the pages.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from pathlib import Path

from configs.errors import UserError

USER = "voicewright"
MARK = "VOICEWRIGHT_SERVICES_OF"
"""Variable by which a process of the services is known for one: the environment of another user's process, or
of one that was started by something else, does not hold this workspace's mark."""


def login_path(workspace: Path) -> Path:
    """Where the login lies."""
    return workspace / "login"


def login(workspace: Path) -> str:
    """`user:password` of the workspace's server, made at the first call.

    Raises:
        UserError: the file is readable for others, or holds something else.
    """
    path = login_path(workspace)
    if not path.exists():
        _make(path)
    return _read(path)


def known_login(workspace: Path) -> str | None:
    """As `login`, but None where none was made yet. Raises as `login`."""
    return _read(login_path(workspace)) if login_path(workspace).exists() else None


def mark(workspace: Path) -> str:
    """Value of `MARK` for the workspace's processes; cannot be guessed from outside. Raises as `login`."""
    # Not the password itself: an environment is passed on to every program that a service starts.
    return hashlib.sha256(f"processes of {login(workspace)}".encode()).hexdigest()


def authorization(login: str) -> str:
    """Value of the header `Authorization`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def client_environment(workspace: Path) -> dict[str, str]:
    """What a program that asks the server must find in its environment. Raises as `login`."""
    return {"PREFECT_API_AUTH_STRING": login(workspace)}


def server_environment(workspace: Path) -> dict[str, str]:
    """What the server, and whatever runs for it, must find in its environment. Raises as `login`."""
    return {"PREFECT_SERVER_API_AUTH_STRING": login(workspace), **client_environment(workspace)}


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{USER}:{secrets.token_urlsafe(32)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # Whoever comes first decides; a rename would replace what another has read by now.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _read(path: Path) -> str:
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UserError(
            f"{path}: is not yours alone (mode {stat.S_IMODE(found.st_mode):o}), so it is no secret; stop "
            "what `voicewright up` started, remove the file and start again"
        )
    text = path.read_text(encoding="utf-8").strip()
    user, colon, password = text.partition(":")
    if user != USER or not colon or len(password) < 32:
        raise UserError(
            f"{path}: does not hold a login; stop the services with `voicewright down`, remove the file and "
            "start them again"
        )
    return text
