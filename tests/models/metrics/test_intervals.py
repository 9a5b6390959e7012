"""Intervals hold the truth about as often as they say, and rates weigh long utterances more."""

from __future__ import annotations

import numpy as np
import pytest

from models.metrics.intervals import mean_interval, ratio_interval


def test_they_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    held = sum(
        low <= 2.0 <= high
        for _, low, high, _ in (mean_interval(rng.normal(2.0, 1.0, 30).tolist(), seed=n) for n in range(300))
    )
    assert 0.88 <= held / 300 <= 0.99


def test_a_rate_is_a_sum_over_a_sum() -> None:
    one = ratio_interval([1.0, 0.0], [2.0, 8.0])
    assert one.mean == pytest.approx(0.1)
    assert one.low == 0.0
    assert one.high == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_ends() -> None:
    values = [0.1, 0.5, 0.4, 0.9]
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)


def test_of_one_clip_there_is_no_interval() -> None:
    one, two = mean_interval([0.7]), mean_interval([0.6, 0.8])
    assert (one.mean, one.clips, str(one), one.ends(str)) == (0.7, 1, "0.70 (one clip)", "one clip")
    assert (str(two), two.ends("{:.1f}".format)) == ("0.70 ± 0.10", "0.6 to 0.8")
