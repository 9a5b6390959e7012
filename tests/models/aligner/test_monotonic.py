"""Monotonic alignment search against a cell-by-cell restatement, and against every path there is."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from configs.errors import UserError
from models.aligner.monotonic import monotonic_path
from tests.models.golden_fill import integers, normal


def _cell_by_cell(similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """One utterance [S, T], as the goldens' README words it."""
    n_tokens, n_frames = similarity.shape
    best = np.full((n_tokens, n_frames), -1e9, np.float32)
    for y in range(n_frames):
        for x in range(max(0, n_tokens + y - n_frames), min(n_tokens, y + 1)):
            stay = best[x, y - 1] if y > x else np.float32(-1e9)
            turn = best[x - 1, y - 1] if x > 0 else np.float32(0 if y == 0 else -1e9)
            best[x, y] = similarity[x, y] + max(stay, turn)
    path = np.zeros_like(similarity)
    x = n_tokens - 1
    for y in reversed(range(n_frames)):
        path[x, y] = 1
        if x > 0 and (x == y or best[x, y - 1] < best[x - 1, y - 1]):
            x -= 1
    return path


@st.composite
def _batches(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], bool]:
    lengths = st.integers(1, 9).flatmap(lambda s: st.tuples(st.just(s), st.integers(s, 14)))
    return draw(st.integers(0, 10**6)), draw(st.lists(lengths, min_size=1, max_size=4)), draw(st.booleans())


@pytest.mark.slow
@given(_batches())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_every_row_is_the_restatement_s_whatever_its_batch(
    batch: tuple[int, list[tuple[int, int]], bool],
) -> None:
    seed, lengths, has_ties = batch
    n_tokens, n_frames = (max(column) for column in zip(*lengths, strict=True))
    shape = (len(lengths), n_tokens, n_frames + 2)
    similarity = integers(f"mas/{seed}", 0, 3, *shape).float() if has_ties else normal(f"mas/{seed}", *shape)
    text, frames = (torch.tensor(column) for column in zip(*lengths, strict=True))
    paths = monotonic_path(similarity, text, frames).numpy()
    for row, (s, t) in enumerate(lengths):
        expected = np.zeros(shape[1:], np.float32)
        expected[:s, :t] = _cell_by_cell(similarity[row, :s, :t].numpy())
        np.testing.assert_array_equal(paths[row], expected)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_monotonic_path_has_a_greater_sum(seed: int) -> None:
    n_tokens, n_frames = 4, 9
    similarity = normal(f"all/{seed}", n_tokens, n_frames).double()
    sums = []
    for turns in combinations(range(1, n_frames), n_tokens - 1):
        token_of = np.searchsorted(turns, np.arange(n_frames), side="right")
        sums.append(float(similarity[token_of, np.arange(n_frames)].sum()))
    path = monotonic_path(similarity[None], torch.tensor([n_tokens]), torch.tensor([n_frames]))[0]
    assert float((path * similarity).sum()) == pytest.approx(max(sums))


def test_padding_may_hold_anything() -> None:
    similarity = normal("padded", 2, 6, 12)
    lengths = torch.tensor([4, 6]), torch.tensor([7, 12])
    path = monotonic_path(similarity, *lengths)
    spoiled = similarity.clone()
    spoiled[0, 4:] = torch.nan
    spoiled[0, :, 7:] = torch.nan
    assert torch.equal(monotonic_path(spoiled, *lengths), path)


@pytest.mark.parametrize(("n_tokens", "n_frames"), [(5, 4), (0, 4)])
def test_rows_that_no_path_fits_are_named(n_tokens: int, n_frames: int) -> None:
    text, frames = torch.tensor([3, n_tokens]), torch.tensor([6, n_frames])
    with pytest.raises(UserError, match=f"row 1 .* {n_tokens} tokens and {n_frames} frames"):
        monotonic_path(torch.zeros(2, 5, 6), text, frames)
