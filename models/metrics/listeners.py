"""What listeners' answers come to: preferences, ABX, and MUSHRA after ITU-R BS.1534-3.

Shares have Wilson's interval and an exact binomial test against chance; mean scores a bootstrap over raters
and sentences at once (Owen, "The pigeonhole bootstrap", 2007), since an answer shares both with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.metrics.intervals import RESAMPLINGS, Interval

REFERENCE_SCORE = 90.0
"""What whoever hears the hidden reference gives it at least (BS.1534-3, post-screening)."""
MISSED_SHARE = 0.15
"""Of the trials in which it may be given less."""
CHANCE = 0.1
"""From which p-value on agreement is taken for chance: of twelve repeats eight equal ones are, nine not."""
FEWEST_REPEATS = 5
"""Answers given twice from which on agreement can be told from chance: five of five come by chance at 3 %."""

Side = Literal["two-sided", "greater"]


class Share(NamedTuple):
    """So many of so many.

    Attributes:
        low, high: Wilson's interval of the share.
        p_value: Of half and half; 1 where there is nothing to count.
    """

    hits: int
    of: int
    low: float
    high: float
    p_value: float

    @property
    def share(self) -> float:
        """0 to 1; a half where there is nothing to count."""
        return self.hits / self.of if self.of else 0.5


class Agreement(NamedTuple):
    """Whether a rater answers alike when asked again.

    Attributes:
        value: Share of equal choices, or rank correlation of scores.
        of: Answers that were given twice.
        p_value: That somebody who answers at random agrees as well as this.
    """

    value: float
    of: int
    p_value: float

    @property
    def is_chance(self) -> bool:
        """Whether it is no better than that of random answers; False where that cannot be told."""
        return self.of >= FEWEST_REPEATS and self.p_value > CHANCE


def share_of(count: int, of: int, confidence: float = 0.95, side: Side = "two-sided") -> Share:
    """Interval and binomial test of `count` out of `of` against a half.

    Args:
        confidence: Of the interval, which has two sides whatever the test has.
        side: `greater` where less than a half means nothing, as in ABX.
    """
    if of == 0:
        return Share(0, 0, 0.0, 1.0, 1.0)
    interval = stats.binomtest(count, of).proportion_ci(confidence, method="wilson")
    p_value = stats.binomtest(count, of, alternative=side).pvalue
    return Share(count, of, float(interval.low), float(interval.high), float(p_value))


def agreement_of_choices(first: Sequence[int], again: Sequence[int]) -> Agreement:
    """Of choices of 1 or -1; pairs in which one is undecided (0) tell nothing."""
    decided = [(one, other) for one, other in zip(first, again, strict=True) if one and other]
    found = share_of(sum(one == other for one, other in decided), len(decided), side="greater")
    return Agreement(found.share, found.of, found.p_value)


def agreement_of_scores(first: Sequence[Sequence[float]], again: Sequence[Sequence[float]]) -> Agreement:
    """Of scores by trial: Spearman's rank correlation of what they differ from each trial's mean by."""
    pairs = [
        (np.asarray(one, np.float64), np.asarray(two, np.float64))
        for one, two in zip(first, again, strict=True)
    ]
    if not pairs:
        return Agreement(0.0, 0, 1.0)
    one, other = (
        np.concatenate([side - side.mean() for side in sides]) for sides in zip(*pairs, strict=True)
    )
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return Agreement(0.0, len(one), 1.0)
    found = stats.spearmanr(one, other, alternative="greater")
    return Agreement(float(found.statistic), len(one), float(found.pvalue))


def misses_reference(scores: NDArray[np.float64]) -> bool:
    """Whether a rater gives the hidden reference less than it deserves in too many trials.

    Args:
        scores: Of the hidden reference `[trials]`; NaN where it was not scored.
    """
    known = scores[np.isfinite(scores)]
    return bool(len(known) and np.mean(known < REFERENCE_SCORE) > MISSED_SHARE)


def mean_scores(
    scores: NDArray[np.float64], confidence: float = 0.95, seed: int = 0
) -> tuple[list[Interval], list[list[Interval]]]:
    """Mean of each system with its interval, and of each system less each other one.

    Args:
        scores: `[raters, sentences, systems]`, NaN where there is none; each system has one at least.
        confidence: Share of the draws that lie inside.
        seed: Of the draws; the same gives the same.
    """
    raters, sentences, systems = scores.shape
    rng = np.random.default_rng(seed)
    by_rater = rng.multinomial(raters, [1 / raters] * raters, RESAMPLINGS).astype(np.float64)
    by_sentence = rng.multinomial(sentences, [1 / sentences] * sentences, RESAMPLINGS)[:, :, None]
    known = np.isfinite(scores)

    def drawn(values: NDArray[np.float64]) -> NDArray[np.float64]:
        summed = (by_rater @ values.reshape(raters, -1)).reshape(RESAMPLINGS, sentences, systems)
        return np.asarray((summed * by_sentence).sum(axis=1))

    sums, counts = drawn(np.where(known, scores, 0.0)), drawn(known.astype(np.float64))
    draws = np.where(counts > 0, sums, np.nan) / np.maximum(counts, 1.0)
    means = np.nansum(scores, axis=(0, 1)) / known.sum(axis=(0, 1))
    return (
        [_interval(float(means[s]), draws[:, s], confidence) for s in range(systems)],
        [
            [
                _interval(float(means[s] - means[t]), draws[:, s] - draws[:, t], confidence)
                for t in range(systems)
            ]
            for s in range(systems)
        ],
    )


def _interval(mean: float, draws: NDArray[np.float64], confidence: float) -> Interval:
    low, high = np.nanquantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high))
