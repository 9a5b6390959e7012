"""The middle of a speaker's embeddings, and how far each utterance is from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10
_MOST_COMPARED = 2000
_TO_SIGMA = 1.4826


class Spread(NamedTuple):
    """Median of values and a standard deviation made from their median absolute deviation."""

    median: float
    sigma: float


def centroid(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit-length mean `[D]` of unit-length `[N, D]`."""
    mean = embeddings.astype(np.float64).mean(0)
    return (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)


def robust_centroid(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit-length mean `[D]` of the closer half of unit-length `[N, D]`, so that strangers do not pull.

    Starts from the utterance that is nearest to its own nearer half, which lies in the largest group.
    """
    sample = embeddings[:: -(-len(embeddings) // _MOST_COMPARED)]
    nearness = np.sort(sample @ sample.T, axis=1)[:, len(sample) // 2 :].mean(1)
    middle = sample[int(np.argmax(nearness))]
    for _ in range(_ROUNDS):
        similarity = embeddings @ middle
        closer = centroid(embeddings[similarity >= np.median(similarity)])
        if np.allclose(closer, middle, atol=1e-6):
            break
        middle = closer
    return middle


def spread(values: NDArray[np.floating]) -> Spread:
    """Median and robust standard deviation of `[N]`, N >= 1."""
    median = float(np.median(values))
    return Spread(median, _TO_SIGMA * float(np.median(np.abs(values - median))))
