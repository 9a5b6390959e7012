"""Voices by what people call them: opened to speak, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.compute import Device
from configs.errors import UserError
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from tasks.lexicons import lexicon_of
from tasks.run_record import voices
from tasks.versions.folders import folder_of, split_name
from tasks.voice import remembered
from tasks.weights import LocalWeights, local, weights_folder

if TYPE_CHECKING:
    import torch

    from tasks.release.voice import Voice

AUTOMATIC: Device = "auto"
DESCRIPTION = "voice.json"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a voice is opened.

    Attributes:
        manner: Settings of how it speaks that differ from the voice's own.
        device: Where its networks compute; None is what the voice's settings say.
        encoders: Places of published encoders, by name, which overrule the others.
        lexicon: Pronunciations that go before the voice's own.
    """

    manner: Mapping[str, object] = field(default_factory=dict)
    device: Device | None = None
    encoders: Mapping[str, str] = field(default_factory=dict)
    lexicon: Lexicon = NO_ENTRIES


AS_IT_IS = Opening()


def open_voice(workspace: Path, voice: str, how: Opening = AS_IT_IS) -> Voice[Any]:
    """A voice by its name, as `open_named`, or an exported folder.

    Raises:
        UserError: there is none, it or a lexicon is damaged, or the device is not there.
    """
    folder = Path(voice)
    if not (folder / DESCRIPTION).is_file():
        return open_named(workspace, voice, how)
    return _opened(workspace, voice, folder, how, how.lexicon)


def open_named(workspace: Path, voice: str, how: Opening = AS_IT_IS) -> Voice[Any]:
    """A voice of the workspace, its champion or a version (`NAME@N`), or a published one (`kokoro/af_heart`).

    Raises:
        UserError: as `open_voice`.
    """
    from tasks.device import chosen_device
    from tasks.release.published import load_published, published_family

    if published_family(voice) is not None:
        place = chosen_device(how.device or AUTOMATIC, "--device")
        published = load_published(voice, LocalWeights(workspace / "models"), how.manner).on(place)
        published = published.with_lexicon(lexicon_of(workspace, voice, None).joined(how.lexicon))
        return published.with_encoders(how.encoders, lambda model: local(model, workspace / "models"))
    folder, (name, _) = folder_of(workspace, voice), split_name(voice)
    if not (folder / DESCRIPTION).is_file():
        remembered(workspace, name)
        raise UserError(f"--voice: {name!r} is not finished; run `voicewright status {name}`")
    settings = remembered(workspace, name).resolve().settings if name in voices(workspace) else None
    return _opened(workspace, name, folder, how, lexicon_of(workspace, name, settings).joined(how.lexicon))


def _opened(workspace: Path, voice: str, folder: Path, how: Opening, lexicon: Lexicon) -> Voice[Any]:
    from tasks.release.speak import load_voice

    weights = _weights_folder(workspace, voice)
    opened = load_voice(folder, how.manner, device_of(how.device, workspace, voice)).with_lexicon(lexicon)
    return opened.with_encoders(how.encoders, lambda model: local(model, weights))


def device_of(asked: Device | None, workspace: Path, voice: str) -> torch.device:
    """What is asked for, else what the voice's settings say; a voice from elsewhere has none.

    Raises:
        UserError: it is not there.
    """
    from tasks.device import chosen_device

    if asked is None and voice in voices(workspace):
        return chosen_device(remembered(workspace, voice).resolve().settings.compute.device)
    return chosen_device(asked or AUTOMATIC, "--device")


def _weights_folder(workspace: Path, voice: str) -> Path:
    """Where the voice's run found published weights; the workspace's own for a voice from elsewhere."""
    if voice in voices(workspace):
        return weights_folder(remembered(workspace, voice).resolve().settings, workspace)
    return workspace / "models"
