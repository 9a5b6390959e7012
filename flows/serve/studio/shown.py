"""What the studio's pages show."""

from __future__ import annotations

from typing import NamedTuple

from flows.serve.service import Service
from tasks.release.test_sentences import sentences
from tasks.run_record import voices
from tasks.serving.catalogue import OfferedVoice

HELLO = "Hello. This is how I sound."
"""Said by voices whose language has no sentences of ours."""


class Card(NamedTuple):
    """A voice of the workspace.

    Attributes:
        name: By which it is asked for.
        offered: What is known of it; None while it is not finished.
        trial: A sentence in its language.
    """

    name: str
    offered: OfferedVoice | None
    trial: str


def cards(service: Service, offered: list[OfferedVoice]) -> list[Card]:
    """Every voice of the workspace, finished ones first."""
    own = {voice.name: voice for voice in offered if not voice.published}
    names = dict.fromkeys([*own, *voices(service.workspace)])
    return [Card(name, own.get(name), trial_of(own.get(name))) for name in names]


def trial_of(voice: OfferedVoice | None) -> str:
    """A sentence to hear a voice by."""
    own = sentences(voice.languages[0]) if voice is not None and voice.languages else ()
    return own[0] if own else HELLO
