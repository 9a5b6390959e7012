"""A listening test of hums, and raters of known taste who answer it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.frontend.audio import Waveform
from tasks.listening_tests.making import make_test
from tasks.listening_tests.record import KeyRecord, Kind, write_key
from tasks.listening_tests.sources import RECORDED, Sentence
from tasks.listening_tests.stimuli import ANCHOR, System

RATE = 16_000
MADE_AT = "2026-01-01T00:00:00+00:00"
GOODNESS = {RECORDED: 96.0, "good@2": 74.0, "poor@1": 45.0, ANCHOR: 20.0}


def hum(hz: float, level: float = 0.1, seconds: float = 0.6) -> Waveform:
    t = np.arange(int(RATE * seconds)) / RATE
    wave = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 40) if k * hz < RATE / 2)
    return Waveform((level * wave * np.sin(np.pi * t / seconds)).astype(np.float32), RATE)


def systems(sentences: Sequence[Sentence], recorded: bool) -> list[System]:
    """Each louder than the one before."""
    names = ["good@2", "poor@1", *([RECORDED] if recorded else [])]
    return [
        System(name, {s.name: hum(110 + 30 * at + n, 0.03 * (at + 1)) for n, s in enumerate(sentences)})
        for at, name in enumerate(names)
    ]


def made(
    workspace: Path, kind: Kind, count: int = 10, repeats: int = 8, recorded: bool = False
) -> tuple[KeyRecord, str]:
    said = [Sentence(f"s{n}", f"Sentence number {n}.", "en") for n in range(count)]
    key, page = make_test(kind, said, systems(said, recorded), MADE_AT, repeats)
    write_key(workspace, key)
    return key, page


def answer(key: KeyRecord, rater: str, rng: np.random.Generator, sure: float) -> dict[str, Any]:
    """What somebody answers who prefers the better, or is right, with the probability `sure`.

    With sliders `sure` is how much of the goodness they hear.
    """
    answers = []
    for trial in key["trials"]:
        for again in (False, True)[: 1 + trial["repeated"]]:
            order = [str(one) for one in rng.permutation(list(trial["stimuli"]))]
            own: dict[str, Any] = {"trial": trial["id"], "again": again}
            if key["kind"] == "mushra":
                heard = {
                    one: sure * GOODNESS[trial["stimuli"][one]]
                    + (1 - sure) * rng.uniform(0, 100)
                    + rng.normal(0, 3)
                    for one in order
                }
                own["scores"] = {one: int(np.clip(score, 0, 100)) for one, score in heard.items()}
            else:
                own |= {"first": order[0], "second": order[1]}
                if key["kind"] == "abx":
                    own["x"] = wanted = str(rng.choice(order))
                else:
                    wanted = max(order, key=lambda one: GOODNESS[trial["stimuli"][one]])
                takes = order.index(wanted) if rng.random() < sure else 1 - order.index(wanted)
                own["choice"] = ("first", "second")[takes]
            answers.append(own)
    return {"format": 1, "test": key["test"], "kind": key["kind"], "rater": rater, "answers": answers}


def saved(folder: Path, results: dict[str, Any]) -> Path:
    path = folder / f"{results['rater']}.json"
    path.write_text(json.dumps(results))
    return path
