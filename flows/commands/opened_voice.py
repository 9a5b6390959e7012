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
from tasks.opening import Opening, open_voice

if TYPE_CHECKING:
    from tasks.release.voice import Voice


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

    changes = _manner(manner)
    if decoder_weights is not None:
        changes["decoder_weights"] = decoder_weights
    given = {
        name: model
        for name, model in (("content", content_model), ("speaker_vector", speaker_model))
        if model
    }
    how = Opening(manner=changes, device=device, encoders=given, lexicon=read_lexicons(lexicon or ()))
    return open_voice(session(context).workspace, voice, how)


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


def without_text(voice: Voice[Any], text: str | None) -> str:
    """What is left of a reference whose text is not given; empty where nothing is missed."""
    if text is not None or not voice.continues_references:
        return ""
    return " without its text: the decoder starts from your text alone, and only the timbre is taken"
