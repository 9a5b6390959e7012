"""From an exported folder to a voice that speaks, whatever its family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.errors import UserError
from tasks.release.gpt_sovits.voice_files import load_gpt_sovits
from tasks.release.kokoro.voice_files import load_kokoro_voice
from tasks.release.styletts2.voice_files import load_styletts2
from tasks.release.voice import Voice
from tasks.release.voice_folder import DESCRIPTION, read_description

LOADERS: Mapping[str, Callable[[Path, Mapping[str, Any]], Voice[Any]]] = {
    "gpt-sovits": load_gpt_sovits,
    "styletts2": load_styletts2,
    "kokoro": load_kokoro_voice,
}
"""How a family's networks and references are read, given what `voice.json` says."""


def load_voice(folder: Path, manner: Mapping[str, object] | None = None) -> Voice[Any]:
    """Load a voice that `export` wrote; `voice.speak(text)` makes it speak.

    Args:
        folder: Holds voice.json.
        manner: Settings of how it speaks that differ from the voice's own.

    Raises:
        UserError: the folder is no voice, a file is missing or changed, another version wrote it, or a
            setting is wrong.
    """
    described = read_description(folder)
    family = str(described.get("family"))
    if family not in LOADERS:
        raise UserError(
            f"{folder / DESCRIPTION}: family {family!r} is none of {', '.join(LOADERS)}; use the version "
            "of the program that exported it"
        )
    try:
        described["synthesize"] = described["synthesize"] | dict(manner or {})
        return LOADERS[family](folder, described)
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{folder / DESCRIPTION}: is not complete ({error}); export the voice again"
        ) from error
    except ValidationError as error:
        wrong = {str(e["loc"][0]): e["msg"] for e in error.errors()}
        given = [name for name in wrong if name in (manner or {})]
        if given:
            known = ", ".join(sorted(set(described["synthesize"]) - set(given)))
            said = "; ".join(f"{name}: {wrong[name]}" for name in given)
            raise UserError(f"--manner: {said}; {family} voices have {known}") from error
        said = "; ".join(f"{name}: {message}" for name, message in wrong.items())
        raise UserError(f"{folder / DESCRIPTION}: {said}; export the voice again") from error
