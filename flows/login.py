"""The secret of a workspace's Prefect server.

Whoever can start a flow run can have this machine execute something, so the server answers only to those who
can read the workspace's `login` file (mode 600). The commands, the worker and `prefect` in the checkout read
it by themselves; a person needs it once, for the pages.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from pathlib import Path

from configs.errors import UserError

USER = "voicewright"


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


def new_login() -> str:
    """A `user:password` that nobody can guess (256 random bits)."""
    return f"{USER}:{secrets.token_urlsafe(32)}"


def authorization(login: str) -> str:
    """Value of the header `Authorization`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def client_environment(login: str) -> dict[str, str]:
    """What a program that asks the server must find in its environment."""
    return {"PREFECT_API_AUTH_STRING": login}


def server_environment(login: str) -> dict[str, str]:
    """What the server, and whatever runs for it, must find in its environment."""
    return {"PREFECT_SERVER_API_AUTH_STRING": login, **client_environment(login)}


def write_private(path: Path, data: bytes) -> None:
    """Write a file that is seen whole or not at all, by its owner alone."""
    _private_file(path, data).replace(path)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _private_file(path, f"{new_login()}\n".encode())
    try:
        # Whoever comes first decides; a rename would replace what another has read by now.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _private_file(beside: Path, data: bytes) -> Path:
    temporary = beside.with_name(f".{beside.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _read(path: Path) -> str:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path}: is no file; remove it and start again")
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UserError(
            f"{path}: is not yours alone (mode {stat.S_IMODE(found.st_mode):o}), so it is no secret; stop "
            "what `voicewright up` started, remove the file and start again"
        )
    text = path.read_bytes().decode("ascii", errors="replace").strip()
    user, colon, password = text.partition(":")
    if user != USER or not colon or len(password) < 32:
        raise UserError(
            f"{path}: does not hold a login; stop the services with `voicewright down`, remove the file and "
            "start them again"
        )
    return text
