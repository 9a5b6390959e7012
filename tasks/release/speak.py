"""From an exported folder to a voice that speaks, whatever its family."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from configs.errors import UserError
from tasks.release.voice import SpeakerReference, Voice
from tasks.release.voice_folder import DESCRIPTION, read_description

if TYPE_CHECKING:
    from tasks.pipeline import Pipeline


class Speaking(NamedTuple):
    """Functions of a family, `module:function`; only those of the family that speaks are imported.

    Attributes:
        load: From a folder and what its `voice.json` says to the voice.
        corpus_reference: From the voice, its finished pipeline and an utterance id to a reference.
    """

    load: str
    corpus_reference: str


FAMILIES: Mapping[str, Speaking] = {
    "gpt-sovits": Speaking(
        "tasks.release.gpt_sovits.voice_files:load_gpt_sovits",
        "tasks.release.gpt_sovits.assembly:corpus_reference",
    ),
    "styletts2": Speaking(
        "tasks.release.styletts2.voice_files:load_styletts2",
        "tasks.release.styletts2.assembly:corpus_reference",
    ),
    "kokoro": Speaking(
        "tasks.release.kokoro.voice_files:load_kokoro_voice",
        "tasks.release.kokoro.assembly:corpus_reference",
    ),
}


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
    if family not in FAMILIES:
        raise UserError(
            f"{folder / DESCRIPTION}: family {family!r} is none of {', '.join(FAMILIES)}; use the version "
            "of the program that exported it"
        )
    try:
        described["synthesize"] = described["synthesize"] | dict(manner or {})
        voice: Voice[Any] = _imported(FAMILIES[family].load)(folder, described)
        return voice
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


def corpus_reference(voice: Voice[Any], pipeline: Pipeline, utterance_id: str) -> SpeakerReference:
    """A clip of a finished voice's corpus as a reference.

    Raises:
        UserError: the corpus has no such clip, or the stages that describe it have not been run.
    """
    found: SpeakerReference = _imported(FAMILIES[voice.family_name].corpus_reference)(
        voice, pipeline, utterance_id
    )
    return found


def _imported(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)
