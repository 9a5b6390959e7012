"""From an exported folder to speech."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from artifacts import digest
from configs.errors import UserError
from configs.linguistic import LinguisticSettings
from configs.release import SynthesizeSettings
from models.frontend.audio import decode_flac
from models.frontend.mel import SpectrogramParameters
from tasks.finetune.networks import load_decoder, load_generator, read_json
from tasks.release.export import FORMAT
from tasks.release.voice import Reference, Voice

__all__ = ["Voice", "load_voice"]


def load_voice(folder: Path) -> Voice:
    """Load a voice that `export` wrote; `voice.speak(text)` makes it speak.

    Raises:
        UserError: the folder is no voice, a file is missing or changed, or another version wrote it.
    """
    described = folder / "voice.json"
    if not described.is_file():
        raise UserError(f"{folder}: holds no voice.json, so it is no exported voice")
    voice = read_json(described)
    if voice.get("format") != FORMAT:
        raise UserError(
            f"{described}: format {voice.get('format')!r} is not {FORMAT}; export the voice again"
        )
    try:
        _check_files(folder, voice["digests"])
        networks = voice["networks"]
        return Voice(
            generator=load_generator(folder / networks["sovits"]["file"], networks["sovits"]["sizes"]),
            decoder=load_decoder(folder / networks["t2s"]["file"], networks["t2s"]["sizes"]),
            frame=SpectrogramParameters(**voice["frame"]),
            symbol_table=voice["symbol_table"],
            languages=tuple(voice["languages"]),
            references={n: _reference(folder, n, s) for n, s in voice["speakers"].items()},
            default_speaker=voice["default_speaker"],
            manner=SynthesizeSettings.model_validate(voice["synthesize"]),
            linguistic=LinguisticSettings.model_validate(voice["linguistic"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{described}: is not complete ({error}); export the voice again") from error


def _check_files(folder: Path, digests: dict[str, str]) -> None:
    root = folder.resolve()
    for name, expected in digests.items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            raise UserError(f"{folder / 'voice.json'}: {name!r} points outside the voice's folder")
        if not path.is_file():
            raise UserError(f"{path}: is missing from the voice; export it again")
        if digest.of_file(path) != expected:
            raise UserError(f"{path}: is not the file that was exported (its SHA-256 differs)")


def _reference(folder: Path, name: str, speaker: dict[str, Any]) -> Reference:
    try:
        wave = decode_flac((folder / speaker["reference"]).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / speaker['reference']}: {error}; export the voice again") from error
    return Reference(
        speaker=name,
        utterance_id=speaker["utterance_id"],
        text=speaker["text"],
        language=speaker["language"],
        samples=np.asarray(wave.samples, dtype=np.float32),
        phone_ids=tuple(speaker["phone_ids"]),
        codes=tuple(speaker["codes"]),
    )
