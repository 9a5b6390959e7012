"""A few of the mutated sound files; `python -m tests.fuzz.sounds` reads thousands."""

from __future__ import annotations

import pytest

from tasks.corpus.lists.names import AUDIO_SUFFIXES
from tests.fuzz import harness, sounds


def test_every_suffix_that_is_taken_has_samples():
    assert set(sounds.SUFFIXES) == AUDIO_SUFFIXES


@pytest.mark.slow
def test_mutated_sound_files_become_rows_or_rejects():
    verdicts = list(harness.judge(sounds.take, sounds.cases(2 * len(sounds.SUFFIXES), 0), sounds.LIMIT_S))
    assert [verdict for verdict in verdicts if verdict.outcome not in harness.FINE] == []
    outcomes = [verdict.outcome for verdict in verdicts]
    assert min(outcomes.count("taken"), outcomes.count("refused")) > len(verdicts) // 5
