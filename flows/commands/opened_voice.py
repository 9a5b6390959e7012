"""A voice to speak with, by the options that commands share: made here, exported, or published."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from configs import plain_yaml
from configs.compute import Device
from configs.errors import UserError
from configs.release import DecoderWeights
from flows.commands.shared import session
from flows.commands.speak_options import (
    CONTENT_MODEL,
    DECODER_WEIGHTS,
    DEVICE,
    LANGUAGE,
    LEXICON,
    MANNER,
    SEED,
    SPEAKER,
    SPEAKER_MODEL,
    SPEED,
    VOICE,
)
from tasks.opening import Opening, open_voice

if TYPE_CHECKING:
    from tasks.release.voice import Voice


@dataclass(frozen=True)
class VoiceOptions:
    """The options of every command that speaks: which voice, opened how, and how it speaks."""

    voice: str = VOICE
    seed: int = SEED
    speed: float | None = SPEED
    speaker: str | None = SPEAKER
    language: str | None = LANGUAGE
    content_model: str | None = CONTENT_MODEL
    speaker_model: str | None = SPEAKER_MODEL
    decoder_weights: DecoderWeights | None = DECODER_WEIGHTS
    device: Device | None = DEVICE
    manner: list[str] | None = MANNER
    lexicon: list[Path] | None = LEXICON

    def opened(self, context: typer.Context) -> Voice[Any]:
        """The voice.

        Raises:
            UserError: there is none, it or a lexicon is damaged, or the device is not there.
        """
        from models.frontend.text.lexicon_file import read_lexicons

        changes = _manner(self.manner)
        if self.decoder_weights is not None:
            changes["decoder_weights"] = self.decoder_weights
        models = (("content", self.content_model), ("speaker_vector", self.speaker_model))
        how = Opening(
            manner=changes,
            device=self.device,
            encoders={name: model for name, model in models if model},
            lexicon=read_lexicons(self.lexicon or ()),
        )
        return open_voice(session(context).workspace, self.voice, how)


def with_voice_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that has the options of `VoiceOptions` in place of its parameter of that type."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    hints = get_type_hints(VoiceOptions)
    shared = [
        inspect.Parameter(
            one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name]
        )
        for one in fields(VoiceOptions)
    ]
    (place,) = (one.name for one in own if one.annotation is VoiceOptions)
    parameters = [
        kept
        for one in own
        for kept in (shared if one.name == place else [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)])
    ]

    @wraps(command)
    def called(**given: Any) -> None:
        options = VoiceOptions(**{one.name: given.pop(one.name) for one in shared})
        command(**given, **{place: options})

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


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
