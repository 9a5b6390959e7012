"""A few of the hostile checkpoints that `python -m tests.fuzz.checkpoints` makes by the hundred."""

from pathlib import Path

import pytest

from tests.fuzz.checkpoints import HANG_S, KINDS, Case, cases, read_spoilt
from tests.fuzz.harness import FINE, judge


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_spoilt_checkpoints_are_taken_or_refused_in_one_message(tmp_path: Path) -> None:
    verdicts = list(judge(read_spoilt, cases(60, 0, str(tmp_path)), HANG_S))
    faults = [verdict for verdict in verdicts if verdict.outcome not in FINE]
    assert not faults, faults[0]
    assert {verdict.case.kind for verdict in verdicts} == set(KINDS)
    outcomes = [verdict.outcome for verdict in verdicts]
    assert outcomes.count("refused") > 30
    assert not list(tmp_path.iterdir())


def test_the_same_seed_spoils_alike() -> None:
    assert list(cases(5, 7, "x")) == list(cases(5, 7, "x"))
    assert Case("sovits", 0, "x") in cases(20, 0, "x")
