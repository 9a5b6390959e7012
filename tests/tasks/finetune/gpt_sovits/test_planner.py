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
from tasks.finetune.gpt_sovits.planner import Network, plan_training, reasons, t2s_passes
from tasks.finetune.length import TrainingLength

PUBLISHED = Network(pretrained=True, choice="auto", max_epochs=None, max_steps=None, steps_per_epoch=1)


class Planned(NamedTuple):
    """Lengths by network, and the lines that people read."""

    networks: Mapping[str, TrainingLength]
    explanation: Sequence[str]


def plan(speech_s: float, clip_s: float = 4.0, batch: int = 4, **changes: Network) -> Planned:
    clips = max(1, round(speech_s / clip_s))
    own = replace(PUBLISHED, steps_per_epoch=-(-clips // batch))
    networks = {"sovits": own, "t2s": replace(own, passes=t2s_passes(clips))} | changes
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
    # 45 clips are passed through twice in what GPT-SoVITS counts as an epoch.
    assert t2s.train and (t2s.max_epochs or 0) % 2 == 0 and 5 <= (t2s.max_epochs or 0) / 2 <= 10
    assert any("T2S" in line and "as GPT-SoVITS counts" in line for line in made.explanation)
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
    passes = {"sovits": 1, "t2s": t2s_passes(max(1, round(speech_s / clip_s)))}
    for name, network in made.networks.items():
        assert network.train == (network.max_epochs is not None)
        assert network.max_epochs is None or 4 <= network.max_epochs / passes[name] <= 20
    assert len(made.explanation) == 4


@pytest.mark.parametrize(
    ("speech_s", "sovits", "t2s", "enough"),
    [
        (9.9, None, None, "zero-shot"),
        (10.0, 4, None, "too little for the prosody"),
        (59.9, 4, None, "too little for the prosody"),
        (60.0, 8, 5, "the prosody is optional"),
        (599.9, 8, 5, "the prosody is optional"),
        (600.0, 8, 15, "timbre and prosody"),
    ],
)
def test_the_table_changes_at_10_seconds_a_minute_and_ten(
    speech_s: float, sovits: int | None, t2s: int | None, enough: str
) -> None:
    """With so many steps to an epoch that the fewest epochs do."""
    many = replace(PUBLISHED, steps_per_epoch=1000)
    made = plan(speech_s, sovits=many, t2s=many)
    assert [made.networks[name].max_epochs for name in ("sovits", "t2s")] == [sovits, t2s]
    assert enough in made.explanation[0]


@pytest.mark.parametrize(
    ("speech_s", "steps_per_epoch", "sovits", "t2s"),
    [
        (30, 0.1, 8, None),
        (30, 1.5, 6, None),
        (300, 1, 15, 10),
        (300, 10, 10, 5),
        (300, 7, 15, 8),
        (1200, 1, 20, 15),
        (1200, 50, 10, 15),
    ],
)
def test_epochs_are_the_fewest_that_make_the_steps(
    speech_s: float, steps_per_epoch: float, sovits: int, t2s: int | None
) -> None:
    """8 steps of SoVITS, then 100, then 500; 50 of T2S; within 4-8, 8-15 and 8-20 epochs; 5-10, then 15."""
    own = replace(PUBLISHED, steps_per_epoch=steps_per_epoch)
    made = plan(speech_s, sovits=own, t2s=own)
    assert [made.networks[name].max_epochs for name in ("sovits", "t2s")] == [sovits, t2s]


def test_from_scratch_there_are_20000_and_10000_steps() -> None:
    fresh = replace(PUBLISHED, pretrained=False)
    made = plan(100, sovits=fresh, t2s=fresh)
    assert [made.networks[name].max_steps for name in ("sovits", "t2s")] == [20_000, 10_000]


@pytest.mark.parametrize(
    ("clips", "passes"), [(0, 1), (1, 100), (20, 5), (32, 3), (33, 3), (34, 2), (60, 2), (99, 2), (100, 1)]
)
def test_few_clips_are_repeated_as_the_reference_repeats_them(clips: int, passes: int) -> None:
    assert t2s_passes(clips) == passes


@pytest.mark.parametrize("clips", [20, 26, 32])
def test_few_clips_make_as_many_steps_as_a_hundred(clips: int) -> None:
    """Batches of 4, four to a step: 100 clips make 6.25 steps an epoch, and 50 steps in 8 epochs."""
    network = replace(PUBLISHED, steps_per_epoch=-(-clips // 4) / 4, passes=t2s_passes(clips))
    length = plan(240, t2s=network).networks["t2s"]
    assert 50 <= length.steps(4, -(-clips // 4)) <= 58
