"""How clips share the memory of one pass of training."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from models.aligner import hmm, hmm_aligner, hmm_training


def test_clips_pass_together_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [SimpleNamespace(silent=[False] * frames, units=[0] * 4) for frames in (300, 100, 200, 100, 900)]
    states = 4 * (hmm_training._STATES + 2) + 2 * hmm.SILENCE_STATES
    monkeypatch.setattr(hmm_training, "_BATCH_ELEMENTS", 400 * states)
    groups = hmm_training._batches(clips)
    assert [[len(clip.silent) for clip in group] for group in groups] == [[100, 100, 200], [300], [900]]


def test_a_match_is_how_much_better_the_own_text_is_than_others() -> None:
    assert hmm_aligner._match([-10.0, -30.0, -50.0]) == pytest.approx(0.75)
    assert hmm_aligner._match([-40.0, -30.0, -50.0]) == pytest.approx(0.0)
    assert math.isnan(hmm_aligner._match([-10.0]))
