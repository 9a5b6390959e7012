"""How much of a code sequence another one gives back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def position_recall(reference: Sequence[int], decoded: Sequence[int]) -> float:
    """Share of the reference's positions that hold the same code in `decoded`, 0-1.

    Strict: one code too many or too few shifts, and so loses, everything behind it.

    Raises:
        ValueError: the reference has no code.
    """
    _refuse_empty(reference)
    return sum(a == b for a, b in zip(reference, decoded, strict=False)) / len(reference)


def edit_recall(reference: Sequence[int], decoded: Sequence[int]) -> float:
    """1 - Levenshtein distance / the reference's length, at least 0: kind to a shift, not to wrong codes.

    Raises:
        ValueError: the reference has no code.
    """
    _refuse_empty(reference)
    return max(0.0, 1.0 - edit_distance(reference, decoded) / len(reference))


def edit_distance(reference: Sequence[int], decoded: Sequence[int]) -> int:
    """Fewest insertions, deletions and substitutions from one sequence to the other (Levenshtein 1966)."""
    other = np.asarray(decoded, dtype=np.int64)
    steps = np.arange(len(other) + 1)
    row = steps.copy()
    for deleted, code in enumerate(reference, start=1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (other != code))
        # Insertions run along the row: the cheapest start, plus one for each code since.
        row = np.minimum.accumulate(np.concatenate(([deleted], kept)) - steps) + steps
    return int(row[-1])


def _refuse_empty(reference: Sequence[int]) -> None:
    if len(reference) == 0:
        raise ValueError("a reference without codes cannot be given back")
