"""How far a mean may be from the truth: the bootstrap's percentile interval (Efron & Tibshirani 1993)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLINGS = 2000
ONE = "one clip"


class Interval(NamedTuple):
    """A mean and the ends of its interval.

    Attributes:
        clips: Of how many values; None where nobody told. Of one there is no interval.
    """

    mean: float
    low: float
    high: float
    clips: int | None = None

    def ends(self, number: Callable[[float], str]) -> str:
        """`0.13 to 0.17`, for people; `one clip` where there is no interval."""
        return ONE if self.clips == 1 else f"{number(self.low)} to {number(self.high)}"

    def __str__(self) -> str:
        if self.clips == 1:
            return f"{self.mean:.2f} ({ONE})"
        return f"{self.mean:.2f} ± {max(self.high - self.mean, self.mean - self.low):.2f}"


def mean_interval(values: Sequence[float], confidence: float = 0.95, seed: int = 0) -> Interval:
    """Of one value or more; utterances are drawn with replacement.

    Args:
        confidence: Share of the draws that lie inside.
        seed: Of the draws; the same gives the same.
    """
    return ratio_interval(values, [1.0] * len(values), confidence, seed)


def ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float], confidence: float = 0.95, seed: int = 0
) -> Interval:
    """As `mean_interval` of a sum over a sum, such as word errors over words."""
    over, under = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(over), (RESAMPLINGS, len(over)))
    ratios = over[drawn].sum(axis=1) / np.maximum(under[drawn].sum(axis=1), 1e-12)
    low, high = np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(over.sum() / max(under.sum(), 1e-12)), float(low), float(high), len(over))
