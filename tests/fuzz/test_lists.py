"""A few of the mutated lists; `python -m tests.fuzz.lists` reads thousands."""

from __future__ import annotations

import pytest

from tests.fuzz import harness, lists


@pytest.mark.slow
def test_mutated_lists_are_read_or_refused() -> None:
    verdicts = list(harness.judge(lists.read, lists.cases(140, 1), lists.LIMIT_S))
    assert [verdict for verdict in verdicts if verdict.outcome not in harness.FINE] == []
    read = {verdict.case.name for verdict in verdicts if verdict.outcome == "taken"}
    assert {"metadata.jsonl", "metadata.csv", "voice.list", "rows.parquet"} <= read
