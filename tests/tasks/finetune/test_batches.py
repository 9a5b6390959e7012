"""Batches hold every clip once, in an order that (seed, epoch) decides."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from tasks.finetune.batches import Feed, Position, epoch_batches, pad_frames
from tasks.finetune.distributed import Ranks


@given(
    lengths=st.lists(st.integers(1, 2000), min_size=1, max_size=300),
    batch_size=st.integers(1, 9),
    seed=st.integers(0, 2**31),
    epoch=st.integers(0, 50),
)
def test_every_clip_is_in_one_batch(lengths: list[int], batch_size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(lengths, batch_size, seed, epoch)
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    assert len(batches) == -(-len(lengths) // batch_size)
    assert batches == epoch_batches(lengths, batch_size, seed, epoch)


def test_epochs_differ_and_lengths_are_close() -> None:
    lengths = np.random.default_rng(0).integers(50, 600, 400).tolist()
    first, second = (epoch_batches(lengths, 8, 1, epoch) for epoch in (0, 1))
    assert first != second
    padded = sum(len(b) * max(lengths[i] for i in b) for b in first)
    assert padded < 1.15 * sum(lengths)
    starts = [lengths[batch[0]] for batch in first]
    assert starts != sorted(starts)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_feed_goes_on_from_any_position(threads: int) -> None:
    def feed(loader_threads: int) -> Feed[int, list[int]]:
        return Feed(
            list(range(1, 24)),
            lambda index: index,
            list,
            batch_size=4,
            seed=3,
            loader_threads=loader_threads,
        )

    whole = list(itertools.islice(feed(0).start(Position(0, 0)), 20))
    for number in range(19):
        position = feed(0).after(Position(0, 0), number)
        resumed = feed(threads).start(position)
        assert [next(resumed), next(resumed)] == whole[number : number + 2]
        resumed.close()
    assert [feed(0).after(Position(0, 4), n) for n in (0, 1, 2, 8)] == [(0, 4), (0, 5), (1, 0), (2, 0)]
    assert sorted(itertools.chain(*whole[:6])) == list(range(23))


@given(processes=st.integers(1, 4), spare=st.integers(0, 3), steps=st.integers(1, 7))
def test_processes_share_the_batches_of_each_step(processes: int, spare: int, steps: int) -> None:
    feed = Feed(list(range(1, 24)), lambda i: i, list, batch_size=4, seed=3, loader_threads=0)
    per_step = processes + spare

    def taken(rank: int) -> list[list[int]]:
        ranks = Ranks(rank, processes)
        share = sum(ranks.takes(number) for number in range(per_step))
        assert share >= 1
        started = feed.start(Position(0, 0), lambda number: ranks.takes(number % per_step))
        return list(itertools.islice(started, share * steps))

    together = [batch for rank in range(processes) for batch in taken(rank)]
    alone = list(itertools.islice(feed.start(Position(0, 0)), per_step * steps))
    assert sorted(together) == sorted(alone)


def test_loader_error_reaches_training() -> None:
    def load(index: int) -> int:
        raise UserError("shard 3: broken")

    feed = Feed([5, 5], load, list, batch_size=1, seed=0, loader_threads=2)
    with pytest.raises(UserError, match="shard 3"):
        next(feed.start(Position(0, 0)))


def test_no_clip_is_an_error_with_a_remedy() -> None:
    with pytest.raises(UserError, match="0 clips; add recordings"):
        Feed([], lambda index: index, list, batch_size=1, seed=0)


def test_padding_is_zero_and_keeps_types() -> None:
    stacked = pad_frames([np.ones((2, 3), np.float32), np.ones((2, 5), np.float32)])
    assert stacked.shape == (2, 2, 5)
    assert stacked[0, :, 3:].abs().sum() == 0
    ids = pad_frames([np.array([4, 5]), np.array([6])], frames=4)
    assert ids.tolist() == [[4, 5, 0, 0], [6, 0, 0, 0]]
