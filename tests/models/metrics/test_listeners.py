"""Listeners' answers: intervals that hold the truth, tests against chance, and raters who do not hear."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.metrics.listeners import (
    agreement_of_choices,
    agreement_of_scores,
    mean_scores,
    misses_reference,
    share_of,
)


def test_a_share_is_what_textbooks_say() -> None:
    found = share_of(15, 20)
    # Wilson 1927, by its formula.
    z = stats.norm.ppf(0.975)
    middle = (15 + z * z / 2) / (20 + z * z)
    half = z / (20 + z * z) * np.sqrt(15 * 5 / 20 + z * z / 4)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
    # Twice the sum of the 21,700 of 2^20 ways in which 15 or more of 20 fall alike.
    assert found.p_value == pytest.approx(2 * 21_700 / 2**20)
    assert share_of(15, 20, side="greater").p_value == pytest.approx(21_700 / 2**20)
    assert share_of(0, 0) == (0, 0, 0.0, 1.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("truth", [0.5, 0.7, 0.9])
def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says(truth: float) -> None:
    rng = np.random.default_rng(3)
    held = [
        found.low <= truth <= found.high
        for count in rng.binomial(80, truth, 1000)
        for found in [share_of(int(count), 80)]
    ]
    assert 0.93 <= np.mean(held) <= 0.98


def test_agreement_is_told_from_chance_only_where_there_is_enough() -> None:
    same = [1, -1, 1, 1, -1, 1, 1, -1, 1, 1]
    assert not agreement_of_choices(same, same).is_chance
    opposite = agreement_of_choices(same, [-one for one in same])
    assert opposite.value == 0 and opposite.is_chance
    assert not agreement_of_choices([1, 1], [-1, -1]).is_chance
    undecided = agreement_of_choices([1, 0, 1, 1, 1, 1, -1], [1, 1, 0, 1, 1, 1, -1])
    assert (undecided.value, undecided.of) == (1.0, 5)


@pytest.mark.slow
def test_a_random_rater_is_taken_for_one() -> None:
    rng = np.random.default_rng(5)
    named = [
        agreement_of_choices(rng.choice([-1, 1], 12).tolist(), rng.choice([-1, 1], 12).tolist()).is_chance
        for _ in range(500)
    ]
    assert np.mean(named) > 0.9
    scores = [
        agreement_of_scores(
            rng.uniform(0, 100, (6, 4)).tolist(), rng.uniform(0, 100, (6, 4)).tolist()
        ).is_chance
        for _ in range(200)
    ]
    assert np.mean(scores) > 0.8


def test_scores_that_rise_and_fall_alike_agree_whatever_their_height() -> None:
    first = [[20.0, 50.0, 90.0], [30.0, 60.0, 95.0]]
    again = [[40.0, 55.0, 80.0], [10.0, 30.0, 55.0]]
    assert agreement_of_scores(first, again).value == pytest.approx(0.886, abs=0.001)
    assert not agreement_of_scores(first, again).is_chance
    assert agreement_of_scores([[50.0] * 3] * 4, again * 2).is_chance
    assert agreement_of_scores([], []).of == 0


def test_who_does_not_hear_the_reference_is_told_by_the_recommendation() -> None:
    heard = np.array([95.0] * 17 + [80.0] * 3)
    assert not misses_reference(heard)
    assert misses_reference(np.append(heard, 89.0))
    assert not misses_reference(np.array([np.nan]))


def _answers(rng: np.random.Generator, raters: int, sentences: int, truth: list[float]) -> np.ndarray:
    """Scores around the truth, by raters and sentences with habits of their own."""
    rater = rng.normal(0, 6, (raters, 1, 1)) + rng.normal(0, 4, (raters, 1, len(truth)))
    sentence = rng.normal(0, 4, (1, sentences, 1)) + rng.normal(0, 3, (1, sentences, len(truth)))
    return np.asarray(truth) + rater + sentence + rng.normal(0, 8, (raters, sentences, len(truth)))


@pytest.mark.slow
def test_mean_scores_hold_the_truth_as_often_as_they_say() -> None:
    truth = [70.0, 45.0]
    held = []
    for seed in range(120):
        means, differences = mean_scores(_answers(np.random.default_rng(seed), 14, 12, truth), seed=seed)
        held.append(means[0].low <= truth[0] <= means[0].high)
        held.append(differences[0][1].low <= truth[0] - truth[1] <= differences[0][1].high)
    assert 0.9 <= np.mean(held) <= 1.0


def test_what_nobody_scored_counts_for_nothing() -> None:
    scores = np.array([[[80.0, 20.0], [np.nan, 30.0]], [[60.0, 40.0], [np.nan, np.nan]]])
    means, differences = mean_scores(scores)
    assert [one.mean for one in means] == [70.0, 30.0]
    assert means[0].low >= 60 and means[0].high <= 80
    assert differences[0][0][:3] == (0.0, 0.0, 0.0)
    assert mean_scores(scores, seed=4) == mean_scores(scores, seed=4)
