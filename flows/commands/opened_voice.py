"""A voice to speak with, by what options name: made here, exported, or published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from configs import plain_yaml
from configs.compute import Device
from configs.errors import UserError
from configs.release import DecoderWeights
from flows.commands.shared import session
from tasks.run_record import voices
from tasks.versions.folders import folder_of, split_name
from tasks.voice import remembered
from tasks.weights import LocalWeights, local, weights_folder

if TYPE_CHECKING:
    import torch

    from tasks.release.voice import Voice

AUTOMATIC: Device = "auto"


def opened_voice(
    context: typer.Context,
    voice: str,
    content_model: str | None,
    speaker_model: str | None,
    decoder_weights: DecoderWeights | None,
    device: Device | None,
    manner: Sequence[str] | None,
    lexicon: Sequence[Path] | None,
) -> Voice[Any]:
    """The voice of a name or folder.

    Raises:
        UserError: there is none, it or a lexicon is damaged, or the device is not there.
    """
    from models.frontend.text.lexicon_file import read_lexicons
    from tasks.device import chosen_device
    from tasks.lexicons import lexicon_of
    from tasks.release.published import load_published, published_family
    from tasks.release.speak import load_voice

    folder = Path(voice)
    workspace = session(context).workspace
    changes = _manner(manner)
    if decoder_weights is not None:
        changes["decoder_weights"] = decoder_weights
    given = {
        name: model
        for name, model in (("content", content_model), ("speaker_vector", speaker_model))
        if model
    }
    further = read_lexicons(lexicon or ())
    if published_family(voice) is not None and not (folder / "voice.json").is_file():
        place = chosen_device(device or AUTOMATIC, "--device")
        published = load_published(voice, LocalWeights(workspace / "models"), changes).on(place)
        published = published.with_lexicon(lexicon_of(workspace, voice, None).joined(further))
        return published.with_encoders(given, lambda model: local(model, workspace / "models"))
    if not (folder / "voice.json").is_file():
        folder, (voice, _) = folder_of(workspace, voice), split_name(voice)
        if not (folder / "voice.json").is_file():
            remembered(workspace, voice)
            raise UserError(f"--voice: {voice!r} is not finished; run `voicewright status {voice}`")
        settings = remembered(workspace, voice).resolve().settings if voice in voices(workspace) else None
        further = lexicon_of(workspace, voice, settings).joined(further)
    weights = _weights_folder(workspace, voice)
    opened = load_voice(folder, changes, _device(device, workspace, voice)).with_lexicon(further)
    return opened.with_encoders(given, lambda model: local(model, weights))


def _device(asked: Device | None, workspace: Path, voice: str) -> torch.device:
    """The option's, else that of the voice's settings; a voice from elsewhere has none.

    Raises:
        UserError: it is not there.
    """
    from tasks.device import chosen_device

    if asked is None and voice in voices(workspace):
        return chosen_device(remembered(workspace, voice).resolve().settings.compute.device)
    return chosen_device(asked or AUTOMATIC, "--device")


def _manner(pairs: Sequence[str] | None) -> dict[str, object]:
    """Settings of speaking out of `NAME=VALUE` options."""
    changes: dict[str, object] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--manner {pair}: give NAME=VALUE, for example --manner pause_s=0.4")
        name = name.strip()
        changes[name] = plain_yaml.load(value, f"--manner {plain_yaml.shown(name)}", name)
    return changes


def _weights_folder(workspace: Path, voice: str) -> Path:
    """Where the voice's run found published weights; the workspace's own for a voice from elsewhere."""
    if voice in voices(workspace):
        return weights_folder(remembered(workspace, voice).resolve().settings, workspace)
    return workspace / "models"


def without_text(voice: Voice[Any], text: str | None) -> str:
    """What is left of a reference whose text is not given; empty where nothing is missed."""
    if text is not None or not voice.continues_references:
        return ""
    return " without its text: the decoder starts from your text alone, and only the timbre is taken"
