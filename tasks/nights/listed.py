"""The nightly list: which voices are made anew every night, each by the recipe that it came with.

The recipe is a copy. What is tried on a voice by hand afterwards does not become what the nights do.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NotRequired

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from artifacts import records
from artifacts.records import EXACT, RecordError
from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.recipe import keep_settings, placed
from tasks.run_record import RequestRecord, run_path
from tasks.versions.record import now
from tasks.voice import Request, remembered, request_of


@with_config(EXACT)
class _Night(TypedDict):
    request: RequestRecord
    added: str


@with_config(EXACT)
class _Nights(TypedDict):
    voices: dict[str, _Night]
    notify: NotRequired[list[str]]
    """Notification blocks of Prefect that get the digest: `slack-webhook/my-channel`."""


_SHAPE = TypeAdapter(_Nights)
_BLOCK = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")


def read_nights(workspace: Path) -> dict[str, Request]:
    """Voice -> what is asked for every night, in the order in which they came onto the list.

    Raises:
        UserError: the list cannot be believed.
    """
    return {name: request_of(one["request"], workspace) for name, one in _read(workspace)["voices"].items()}


def add_night(workspace: Path, voice: str, overrides: tuple[str, ...] = ()) -> Request:
    """Put a voice onto the list, or its recipe of today in place of the one there; what will be asked for.

    Args:
        overrides: Settings beside those of the voice's last run.

    Raises:
        UserError: the voice was never made, its recipe cannot be read, or the list cannot be believed.
    """
    before = remembered(workspace, voice)
    request = placed(replace(before, overrides=(*before.overrides, *overrides)))
    request = keep_settings(workspace, request)
    night: _Night = {"request": request.as_record(), "added": now()}
    with _alone(workspace):
        listed = _read(workspace)
        _write(workspace, {**listed, "voices": {**listed["voices"], voice: night}})
    return request


def remove_night(workspace: Path, voice: str) -> bool:
    """Take a voice off the list; whether it was on it.

    Raises:
        UserError: the list cannot be believed.
    """
    with _alone(workspace):
        listed = _read(workspace)
        if voice not in listed["voices"]:
            return False
        others = {name: one for name, one in listed["voices"].items() if name != voice}
        _write(workspace, {**listed, "voices": others})
    return True


def rename_night(workspace: Path, voice: str, name: str) -> None:
    """Let the list know a voice by its new name, with the recipe that it had.

    Raises:
        UserError: the list cannot be believed.
    """
    with _alone(workspace):
        listed = _read(workspace)
        night = listed["voices"].get(voice)
        if night is None:
            return
        kept = night["request"].get("config_copy")
        if kept is not None and (copy := run_path(workspace, voice).with_name(kept)).is_file():
            write_atomically(run_path(workspace, name).with_name(kept), copy.read_bytes())
        renamed: _Night = {**night, "request": {**night["request"], "voice": name}}
        voices = {name if one == voice else one: known for one, known in listed["voices"].items()}
        _write(workspace, {**listed, "voices": {**voices, name: renamed}})


def read_notified(workspace: Path) -> list[str]:
    """Names of the notification blocks that get the digest.

    Raises:
        UserError: the list cannot be believed.
    """
    return _read(workspace).get("notify", [])


def add_notified(workspace: Path, block: str) -> None:
    """Let a notification block get the digests.

    Raises:
        UserError: it is no block's name, or the list cannot be believed.
    """
    if not _BLOCK.fullmatch(block):
        raise UserError(
            f"{block}: is no block's name; that is its type and its own, as in slack-webhook/my-channel "
            "(`prefect block ls` lists them)"
        )
    with _alone(workspace):
        listed = _read(workspace)
        others = [one for one in listed.get("notify", []) if one != block]
        _write(workspace, {**listed, "notify": [*others, block]})


def remove_notified(workspace: Path, block: str) -> bool:
    """Let a block get no more digests; whether it got them.

    Raises:
        UserError: the list cannot be believed.
    """
    with _alone(workspace):
        listed = _read(workspace)
        before = listed.get("notify", [])
        if block not in before:
            return False
        _write(workspace, {**listed, "notify": [one for one in before if one != block]})
    return True


def _path(workspace: Path) -> Path:
    return workspace / "nightly.json"


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """Nobody else changes the list meanwhile: of two voices added at once one would be lost."""
    path = workspace / "nightly.lock"
    workspace.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


def _read(workspace: Path) -> _Nights:
    path = _path(workspace)
    try:
        return records.read_file(path, _SHAPE) or {"voices": {}}
    except RecordError as error:
        raise UserError(
            f"{path}: {error}; move it away and put the voices onto a new list with `voicewright nightly add`"
        ) from error


def _write(workspace: Path, listed: _Nights) -> None:
    write_atomically(_path(workspace), records.encode(listed, indent=1))
