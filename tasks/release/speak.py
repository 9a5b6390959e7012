"""From an exported folder to a voice that speaks, whatever its family."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from configs.errors import UserError
from models.frontend.text.lexicon import FILE
from models.frontend.text.lexicon_file import read_lexicon
from tasks.families import FAMILIES, corpus_reference_of, voice_loader
from tasks.release.voice import SpeakerReference, Voice
from tasks.release.voice_folder import DESCRIPTION, read_description

if TYPE_CHECKING:
    import torch

    from tasks.pipeline import Pipeline


def load_voice(
    folder: Path, manner: Mapping[str, object] | None = None, device: torch.device | None = None
) -> Voice[Any]:
    """Load a voice that `export` wrote; `voice.speak(text)` makes it speak.

    Args:
        folder: Holds voice.json.
        manner: Settings of how it speaks that differ from the voice's own.
        device: Where its networks compute; None is the CPU.

    Raises:
        UserError: the folder is no voice, a file is missing or changed, another version wrote it, a setting
            is wrong, or a network cannot compute on the device.
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
        voice: Voice[Any] = voice_loader(family)(folder, described)
        voice = voice if device is None else voice.on(device)
        is_own = FILE in described.get("digests", {})
        return voice.with_lexicon(read_lexicon(folder / FILE)) if is_own else voice
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
    found: SpeakerReference = corpus_reference_of(voice.family_name)(voice, pipeline, utterance_id)
    return found
