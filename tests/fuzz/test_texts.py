"""A few of the random texts; `python -m tests.fuzz.texts` reads thousands."""

from __future__ import annotations

import pytest

from tests.fuzz import harness, texts


@pytest.mark.slow
def test_texts_of_every_language_are_phones_or_a_refusal() -> None:
    verdicts = list(harness.judge(texts.read, texts.cases(80, 1), texts.LIMIT_S, prepare=texts.prepare))
    assert [verdict for verdict in verdicts if verdict.outcome not in harness.FINE] == []
    assert sum(verdict.outcome == "taken" for verdict in verdicts) > len(verdicts) / 2


def test_every_language_and_table_has_its_turn() -> None:
    every = texts.targets()
    assert {(case.language, case.symbol_table) for case in texts.cases(len(every), 0)} == set(every)
    assert list(texts.cases(5, 7)) == list(texts.cases(5, 7))
