"""What is said before a run begins."""

from __future__ import annotations

import pytest

from flows.forecast import told
from tasks.advice.estimate import Estimate
from tasks.advice.machine import Machine

FREE = Machine(2, 16.0, 12.0, 100.0, "", 0.0, False, 0.5, 180.0)
BUSY = FREE._replace(load=7.0)
KNOWN = Estimate(600.0, 480.0, 1.1, 4.0, {"fit_kokoro": 60}, {"fit_kokoro": 480.0, "align": 120.0}, True)


@pytest.mark.parametrize(
    ("known", "machine", "said"),
    [
        (
            KNOWN,
            BUSY,
            "about 10 min, 8 min of it training (as measured here); fit_kokoro 60 steps; "
            "1.1 GB of memory, 4.0 GB of disk",
        ),
        (
            KNOWN._replace(is_measured=False, memory_gb=None),
            BUSY,
            "about 10 min, 8 min of it training (reckoned from another machine's measurement); "
            "fit_kokoro 60 steps; memory was never measured, 4.0 GB of disk; "
            "7 other programs keep 2 cores busy, which makes it longer",
        ),
        (
            KNOWN._replace(seconds=None, training_s=None, is_measured=False, disk_gb=None, memory_gb=None),
            FREE,
            "how long it takes here was never measured; the first hundred steps will tell; fit_kokoro 60 "
            "steps; memory was never measured, disk was never measured",
        ),
    ],
)
def test_an_estimate_says_what_it_rests_on(known: Estimate, machine: Machine, said: str) -> None:
    assert told(known, machine) == said
