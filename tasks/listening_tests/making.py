"""A listening test out of systems that say the same sentences: its key, and the page that raters get."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from artifacts import digest
from configs.errors import UserError
from tasks.listening_tests.pages import listening_page
from tasks.listening_tests.record import KeyRecord, Kind, TrialRecord
from tasks.listening_tests.sources import RECORDED, Sentence
from tasks.listening_tests.stimuli import ANCHOR, System, anchor_of, matched
from tasks.release.report_audio import player_uri

_OPAQUE = 12


def make_test(
    kind: Kind,
    sentences: Sequence[Sentence],
    systems: Sequence[System],
    made_at: str,
    repeats: int,
    name: str | None = None,
    seed: int = 0,
) -> tuple[KeyRecord, str]:
    """The key, which stays here, and the page, which goes to raters and names nothing.

    Args:
        sentences: That all systems say.
        systems: Two or more, or one beside the recordings; those are the hidden reference.
        made_at: The time, for the record.
        repeats: How many of the questions are asked twice.
        name: Of the test; by default one that tells nothing.
        seed: Of opaque names and the choice of what is asked twice.

    Raises:
        UserError: there is nothing to compare, or a sound cannot be used.
    """
    if len(systems) < 2:
        raise UserError(f"{systems[0].name}: name another voice or folder to hear it beside, or --reference")
    reference = RECORDED if systems[-1].name == RECORDED else None
    if kind == "mushra" and reference is not None:
        systems = [*systems, anchor_of(systems[-1])]
    systems = matched(systems)
    sounds = [digest.of_bytes(w.samples.tobytes()) for s in systems for w in s.said.values()]
    # Other questions about the same sounds are another test.
    salt = digest.of_parts([str(seed), kind, str(repeats), *(system.name for system in systems), *sounds])
    trials = list(_trials(kind, sentences, systems, salt))
    for trial in trials[: min(repeats, len(trials))]:
        trial["repeated"] = True
    key: KeyRecord = {
        "format": 1,
        "test": name or f"test-{salt[:8]}",
        "kind": kind,
        "made_at": made_at,
        "systems": [system.name for system in systems],
        "reference": reference,
        "anchor": ANCHOR if any(system.name == ANCHOR for system in systems) else None,
        "trials": trials,
    }
    return key, listening_page(kind, _asked(key, systems, salt))


def _trials(
    kind: Kind, sentences: Sequence[Sentence], systems: Sequence[System], salt: str
) -> Iterator[TrialRecord]:
    """In an order that tells nothing."""
    together = [tuple(systems)] if kind == "mushra" else list(combinations(systems, 2))
    found: list[TrialRecord] = []
    for sentence in sentences:
        for group in together:
            stimuli = {_opaque(salt, sentence.name, system.name): system.name for system in group}
            found.append(
                {
                    "id": _opaque(salt, sentence.name, *(system.name for system in group)),
                    "sentence": sentence.name,
                    "text": sentence.text,
                    "stimuli": dict(sorted(stimuli.items())),
                    "repeated": False,
                }
            )
    yield from sorted(found, key=lambda trial: trial["id"])


def _opaque(salt: str, *parts: str) -> str:
    return digest.of_parts([salt, *parts])[:_OPAQUE]


def _asked(key: KeyRecord, systems: Sequence[System], salt: str) -> str:
    """What the page holds, as JSON: sounds and questions under opaque names, no system."""
    by_name = {system.name: system for system in systems}
    sounds: dict[str, str] = {}
    asked: list[dict[str, Any]] = []
    for trial in key["trials"]:
        for opaque, system in trial["stimuli"].items():
            sounds[opaque] = player_uri(*by_name[system].said[trial["sentence"]])
        open_reference = None
        if key["kind"] == "mushra" and key["reference"] is not None:
            # A name of its own, so that the page does not tell which of the sounds it is.
            open_reference = _opaque(salt, trial["sentence"], "open reference")
            sounds[open_reference] = player_uri(*by_name[RECORDED].said[trial["sentence"]])
        asked.append(
            {
                "id": trial["id"],
                "text": trial["text"],
                "stimuli": list(trial["stimuli"]),
                "reference": open_reference,
                "repeated": trial["repeated"],
            }
        )
    page = {
        "format": 1,
        "test": key["test"],
        "kind": key["kind"],
        "trials": asked,
        "sounds": dict(sorted(sounds.items())),
    }
    return json.dumps(page, ensure_ascii=False)
