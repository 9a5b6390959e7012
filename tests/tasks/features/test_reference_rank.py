"""The clip that stands for a speaker is long enough, clean, typical, well aligned and a whole sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from configs.speaker import SpeakerSettings
from tasks.features.reference_rank import is_complete, rank_references

GOOD = {
    "duration_s": 5.0,
    "snr_db": 35.0,
    "clipping_ratio": 0.0,
    "silence_ratio": 0.1,
    "alignment_score": -60.0,
    "text": "A whole sentence.",
}


def ranked(*changes: dict[str, Any], similarity: list[float] | None = None) -> list[str]:
    clips = [{**GOOD, "utterance_id": f"clip_{at}", **change} for at, change in enumerate(changes)]
    near = np.array(similarity or [0.9] * len(clips), dtype=np.float32)
    return rank_references(clips, near, SpeakerSettings())


@pytest.mark.parametrize(
    "worse",
    [
        {"duration_s": 2.5},
        {"duration_s": 11.0},
        {"snr_db": 15.0},
        {"clipping_ratio": 0.02},
        {"silence_ratio": 0.6},
        {"alignment_score": -90.0},
        {"text": "broken off in the"},
    ],
)
def test_each_fault_alone_puts_a_clip_behind(worse: dict[str, Any]) -> None:
    others = [{"alignment_score": score} for score in (-61.0, -60.0, -59.0)]
    assert ranked(worse, *others)[-1] == "clip_0"


def test_a_typical_clip_comes_before_a_strange_one() -> None:
    assert ranked({}, {}, similarity=[0.6, 0.9])[0] == "clip_1"


def test_length_comes_before_everything_else() -> None:
    assert ranked({"duration_s": 2.9}, {"snr_db": 5.0, "text": "and then"})[0] == "clip_1"
    assert ranked({"duration_s": 1.0}, {"duration_s": 2.8}, {"duration_s": 14.0})[0] == "clip_1"


def test_unknown_alignment_scores_cost_nothing_and_ties_are_settled_by_name() -> None:
    assert ranked({"alignment_score": float("nan")}, {"alignment_score": None}) == ["clip_0", "clip_1"]
    assert ranked({}, {}, {}) == ["clip_0", "clip_1", "clip_2"]


def test_complete_sentences() -> None:
    assert all(map(is_complete, ["Yes.", "“Really?”", "你好。", "So…"]))
    assert not any(map(is_complete, ["", "no mark", "half,", "  "]))
