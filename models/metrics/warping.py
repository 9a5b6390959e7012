"""Dynamic time warping: which frame of one track belongs to which frame of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_DIAGONAL, _UP, _LEFT = 0, 1, 2


def warping_path(reference: FloatArray, other: FloatArray) -> NDArray[np.int64]:
    """Cheapest monotonic path through two tracks, by Euclidean distance of their frames.

    Steps (1,1), (1,0), (0,1), each at the cost of the cell it enters (Sakoe & Chiba 1978, symmetric
    without slope limits). Cells of an anti-diagonal do not depend on each other, so each anti-diagonal
    is one vector operation.

    Args:
        reference: `[D, N]`.
        other: `[D, M]`.

    Returns:
        `[P, 2]` pairs (frame of reference, frame of other) from (0, 0) to (N - 1, M - 1).

    Raises:
        ValueError: a track has no frame, or they differ in D.
    """
    if reference.shape[0] != other.shape[0] or 0 in (reference.shape[1], other.shape[1]):
        raise ValueError(f"cannot warp tracks of shapes {reference.shape} and {other.shape}")
    cost = _distances(reference, other)
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    step = np.zeros((n, m), dtype=np.int8)
    for diagonal in range(n + m - 1):
        i = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        j = diagonal - i
        came_from = np.stack([total[i, j], total[i, j + 1], total[i + 1, j]])
        best = came_from.argmin(axis=0)
        step[i, j] = best
        total[i + 1, j + 1] = came_from[best, np.arange(len(i))] + cost[i, j]
    return _walk_back(step)


def _distances(reference: FloatArray, other: FloatArray) -> NDArray[np.float64]:
    a, b = reference.T.astype(np.float64), other.T.astype(np.float64)
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squared, 0.0))


def _walk_back(step: NDArray[np.int8]) -> NDArray[np.int64]:
    i, j = step.shape[0] - 1, step.shape[1] - 1
    path = [(i, j)]
    while i > 0 or j > 0:
        taken = step[i, j]
        i -= taken != _LEFT
        j -= taken != _UP
        path.append((i, j))
    return np.array(path[::-1], dtype=np.int64)
