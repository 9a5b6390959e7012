"""What the studio's pages show."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from configs.errors import UserError
from configs.loading import PRESETS, presets
from flows.serve.earlier import learned, recipe_of
from flows.serve.faults import ApiError
from flows.serve.service import Service
from flows.serve.voices import PRESET
from tasks.release.test_sentences import sentences
from tasks.run_record import voices
from tasks.serving.catalogue import OfferedVoice
from tasks.versions.record import VersionsRecord, champion_before, read_versions

HELLO = "Hello. This is how I sound."
"""Said by voices whose language has no sentences of ours."""


class Card(NamedTuple):
    """A voice of the workspace.

    Attributes:
        name: By which it is asked for.
        offered: What is known of it; None while it is not finished.
        trial: A sentence in its language.
        training: State of the training that was asked for here; empty where there was none.
        preset: Of its last run; None where it has none.
        learned: How much its newest version was made from; empty where it has none.
    """

    name: str
    offered: OfferedVoice | None
    trial: str
    training: str
    preset: str | None
    learned: str


class Preset(NamedTuple):
    """A preset, and what its file says about it."""

    name: str
    about: str


def cards(service: Service, own: list[OfferedVoice]) -> list[Card]:
    """Every voice of the workspace, finished ones first."""
    known = {voice.name: voice for voice in own}
    names = dict.fromkeys([*known, *voices(service.workspace), *service.trainings.names])
    return [_card(service, name, known.get(name)) for name in names]


def card_of(service: Service, name: str) -> Card:
    """One of them.

    Raises:
        ApiError: there is no such voice.
    """
    for card in cards(service, service.catalogue.own()):
        if card.name == name:
            return card
    raise ApiError(404, f"voice: there is no {name[:64]!r} here", "voice_not_found", "voice")


def versions_of(service: Service, card: Card) -> VersionsRecord | None:
    """A voice's record of versions; None where it has none."""
    if card.offered is None or card.offered.champion is None:
        return None
    return read_versions(service.workspace, card.name)


def previous_of(record: VersionsRecord, voice: str) -> int | None:
    """The version that a roll-back would bring back; None where there is none."""
    try:
        return champion_before(record, voice)
    except UserError:
        return None


def speakers(own: list[OfferedVoice]) -> list[str]:
    """Everything that can be put beside something else: `anna@1`, `anna@2`, `bruno@1`."""
    return [f"{voice.name}@{number}" for voice in own for number in voice.versions]


def pair_of(card: Card, known: list[str]) -> tuple[str, str] | None:
    """What is put side by side unless others are chosen: what speaks, and the voice's newest other version.

    Another voice takes its place where there is none; None where there is nothing to compare.
    """
    live = f"{card.name}@{card.offered.champion}" if card.offered is not None else ""
    others = sorted((one for one in known if one != live), key=lambda one: one.startswith(f"{card.name}@"))
    return (live, others[-1]) if live in known and others else None


def trial_of(voice: OfferedVoice | None) -> str:
    """A sentence to hear a voice by."""
    own = sentences(voice.languages[0]) if voice is not None and voice.languages else ()
    return own[0] if own else HELLO


@cache
def offered_presets() -> tuple[Preset, ...]:
    """Every preset, the one that suits most people first."""
    names = sorted(presets(), key=lambda name: (name != PRESET, name))
    return tuple(Preset(name, _about(name)) for name in names)


def _card(service: Service, name: str, offered: OfferedVoice | None) -> Card:
    training: Any = service.trainings.find(name)
    state = training.state if training is not None else ""
    try:
        recipe, known = recipe_of(service.workspace, name), learned(service.workspace, name)
    except UserError:
        # A record that cannot be believed hides no other voice; who asks for this one is told.
        recipe, known = None, ""
    preset = None if recipe is None else recipe.preset or "no preset"
    return Card(name, offered, trial_of(offered), state, preset, known)


def _about(preset: str) -> str:
    """The first paragraph of the comment at a preset's head."""
    told = []
    for line in (PRESETS / f"{preset}.yaml").read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or not words:
            break
        told.append(words)
    return " ".join(told)
