"""The folders that versions speak from: `voices/<name>` is the champion's, others are laid out on demand."""

from __future__ import annotations

from pathlib import Path

from configs.errors import UserError
from tasks.versions.laid_out import place, version_folder
from tasks.versions.record import read_versions, version_of
from tasks.voice import check_name, open_store, remembered


def split_name(given: str) -> tuple[str, int | None]:
    """`anna@3` -> the voice and the version's number; None without one.

    Raises:
        UserError: what follows the @ is no number, or the voice's name is none.
    """
    voice, at, number = given.partition("@")
    if at and not (number.isascii() and number.isdecimal()):
        raise UserError(f"{given}: after the @ stands a version's number, as in {voice or 'anna'}@3")
    return check_name(voice), int(number) if at else None


def champion_folder(workspace: Path, voice: str) -> Path:
    """Where the champion's files are, whether there is one or not."""
    return workspace / "voices" / check_name(voice)


def folder_of(workspace: Path, given: str) -> Path:
    """The folder of a voice (its champion) or of one version, which is laid out first where it is not.

    Raises:
        UserError: there is no such voice or version, or its results are damaged.
    """
    voice, number = split_name(given)
    if number is None:
        return champion_folder(workspace, voice)
    record = read_versions(workspace, voice)
    entry = version_of(record, voice, number)
    if number == record["champion"]:
        return champion_folder(workspace, voice)
    target = version_folder(workspace, voice, number)
    if not target.is_dir():
        store = open_store(workspace, remembered(workspace, voice).resolve().settings)
        place(store, workspace, voice, entry, target)
    return target
