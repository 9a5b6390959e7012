"""The folder of an exported voice: `voice.json` says what it is and holds every other file's digest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts import digest
from configs.errors import UserError
from models.frontend.audio import Waveform, decode_flac, encode_flac
from tasks.finetune.trained import read_json
from tasks.stage import Produced, Work

FORMAT = 1
DESCRIPTION = "voice.json"


def describe(folder: Path, description: Mapping[str, Any]) -> None:
    """Write `voice.json` last, with the digest of every file that the folder holds by then."""
    digests = {
        path.relative_to(folder).as_posix(): digest.of_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / DESCRIPTION, {"format": FORMAT, **description, "digests": digests})


def exported(folder: Path, speakers: int, work: Work) -> Produced:
    """A finished folder as what the stage `export` made."""
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    work.progress(1, 1, f"{len(files)} files")
    return Produced(
        files=files,
        metrics={
            "bytes": float(sum(path.stat().st_size for path in files.values())),
            "speakers": float(speakers),
        },
    )


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
        if digest.of_file(path) != expected:
            raise UserError(
                f"{path}: is not the file that was exported (its SHA-256 differs); "
                "run `voicewright finetune` for the voice again, or copy the folder anew"
            )


def write_reference(folder: Path, utterance_id: str, wave: Waveform) -> str:
    """Keep a recorded clip beside the networks; its name inside the folder."""
    safe = re.sub(r"[^\w.-]", "_", utterance_id)
    file = f"references/{safe}.flac"
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_bytes(encode_flac(*wave))
    return file


def read_reference(folder: Path, file: str) -> Waveform:
    """The reverse of `write_reference`.

    Raises:
        UserError: the clip cannot be read.
    """
    try:
        return decode_flac((folder / file).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / file}: {error}; export the voice again") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs alike; equal values give equal bytes."""
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
