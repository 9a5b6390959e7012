"""The plan follows the amount of speech, explains itself and can be overruled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from tasks.finetune.gpt_sovits.explanation import explain
from tasks.finetune.gpt_sovits.planner import Network, plan_training, reasons
from tasks.finetune.length import TrainingLength

PUBLISHED = Network(pretrained=True, choice="auto", max_epochs=None, max_steps=None, steps_per_epoch=1)


class Planned(NamedTuple):
    """Lengths by network, and the lines that people read."""

    networks: Mapping[str, TrainingLength]
    explanation: Sequence[str]


def plan(speech_s: float, clip_s: float = 4.0, batch: int = 4, **changes: Network) -> Planned:
    clips = max(1, round(speech_s / clip_s))
    own = replace(PUBLISHED, steps_per_epoch=-(-clips // batch))
    networks = {"sovits": own, "t2s": own} | changes
    plan = plan_training(speech_s, networks)
    written = json.loads(json.dumps([plan.lengths(), reasons(plan, speech_s, clips, networks)]))
    return Planned({name: decision.length for name, decision in plan.decisions.items()}, explain(*written))


def test_twenty_seconds_train_the_timbre_only() -> None:
    made = plan(20)
    sovits = made.networks["sovits"]
    assert sovits.train and 4 <= (sovits.max_epochs or 0) <= 8
    steps = (sovits.max_epochs or 0) * 2
    assert 8 <= steps <= 40
    assert made.networks["t2s"] == TrainingLength(train=False)
    assert "20 s" in made.explanation[0] and "timbre" in made.explanation[0]
    assert any("T2S" in line and "kept" in line for line in made.explanation)


def test_three_minutes_train_the_timbre_longer_and_the_prosody_gently() -> None:
    made = plan(180)
    sovits, t2s = made.networks["sovits"], made.networks["t2s"]
    assert 8 <= (sovits.max_epochs or 0) <= 15
    assert 100 <= (sovits.max_epochs or 0) * 12 <= 500
    assert t2s.train and 5 <= (t2s.max_epochs or 0) <= 10
    assert any("optional" in line for line in made.explanation)


def test_twelve_minutes_train_both_in_full() -> None:
    made = plan(720)
    sovits, t2s = made.networks["sovits"], made.networks["t2s"]
    assert 8 <= (sovits.max_epochs or 0) <= 20
    assert (sovits.max_epochs or 0) * 45 >= 500
    assert t2s.max_epochs == 15


def test_a_single_clip_is_spoken_with_but_not_trained_on() -> None:
    made = plan(6)
    assert not any(network.train for network in made.networks.values())
    assert "zero-shot" in made.explanation[0]


def test_from_scratch_both_are_trained_whatever_the_amount() -> None:
    fresh = replace(PUBLISHED, pretrained=False)
    for speech_s in (6, 20, 7200):
        made = plan(speech_s, sovits=fresh, t2s=fresh)
        assert all(network.train and network.max_steps for network in made.networks.values())
        assert "from scratch" in made.explanation[0]


def test_the_user_has_the_last_word() -> None:
    asked = plan(20, t2s=replace(PUBLISHED, choice="train"))
    assert asked.networks["t2s"].train and asked.networks["t2s"].max_epochs
    kept = plan(720, sovits=replace(PUBLISHED, choice="keep"))
    assert not kept.networks["sovits"].train
    longer = plan(20, sovits=replace(PUBLISHED, max_epochs=40), t2s=replace(PUBLISHED, max_steps=7))
    assert longer.networks["sovits"] == TrainingLength(True, 40, None)
    assert longer.networks["t2s"] == TrainingLength(True, None, 7)
    assert sum("as long as you set" in line for line in longer.explanation) == 2


def test_what_was_never_published_cannot_be_kept() -> None:
    with pytest.raises(UserError, match=r"train\.plan\.t2s = keep.*train\.t2s\.pretrained"):
        plan(20, t2s=replace(PUBLISHED, pretrained=False, choice="keep"))


@given(st.floats(0, 1e5), st.integers(1, 32), st.floats(1, 15))
def test_every_amount_has_a_plan_within_the_published_limits(
    speech_s: float, batch: int, clip_s: float
) -> None:
    made = plan(speech_s, clip_s, batch)
    for network in made.networks.values():
        assert network.train == (network.max_epochs is not None)
        assert network.max_epochs is None or 4 <= network.max_epochs <= 20
    assert len(made.explanation) == 4
