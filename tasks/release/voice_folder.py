"""The folder of an exported voice, as it is read: `voice.json` holds every other file's digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import UserError
from models.frontend.audio import Waveform, decode_flac
from tasks.finetune.trained import read_json

FORMAT = 1
DESCRIPTION = "voice.json"


def read_description(folder: Path) -> dict[str, Any]:
    """What `voice.json` says, once every file is the one that was exported.

    A folder without digests, as older versions wrote it, is believed.

    Raises:
        UserError: the folder is no voice, a file is missing or changed, or another version wrote it.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise UserError(f"{folder}: holds no {DESCRIPTION}, so it is no exported voice")
    described = read_json(path)
    if described.get("format") != FORMAT:
        raise UserError(f"{path}: format {described.get('format')!r} is not {FORMAT}; export the voice again")
    digests = described.get("digests", {})
    if not isinstance(digests, dict):
        raise UserError(f"{path}: is not complete (digests); export the voice again")
    _check_files(folder, digests)
    return described


def _check_files(folder: Path, digests: Mapping[str, str]) -> None:
    root = folder.resolve()
    for name, expected in digests.items():
        path = folder / name
        if "\0" in name or not path.resolve().is_relative_to(root):
            raise UserError(f"{folder / DESCRIPTION}: {name!r} points outside the voice's folder")
        if not path.is_file():
            raise UserError(f"{path}: is missing from the voice; export it again")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected:
            raise UserError(
                f"{path}: is not the file that was exported (its SHA-256 differs); "
                "run `voicewright finetune` for the voice again, or copy the folder anew"
            )


def read_reference(folder: Path, file: str) -> Waveform:
    """A recorded clip that lies beside the networks.

    Raises:
        UserError: the clip cannot be read.
    """
    try:
        return decode_flac((folder / file).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / file}: {error}; export the voice again") from error
