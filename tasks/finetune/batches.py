"""Which clips meet in which batch: length-bucketed, nothing dropped, known in advance.

The order of an epoch is a pure function of (seed, epoch), so a position (epoch, batch index) is all
a resumed run needs, and the number of loader threads cannot change what is trained.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from configs.errors import UserError
from models.seeds import derive_seed

POOL_BATCHES = 16
"""Clips are sorted by length within pools of this many batches: little padding, yet well mixed."""

ClipT = TypeVar("ClipT")
BatchT = TypeVar("BatchT")


class Position(NamedTuple):
    """Where a run stands in its batches: the next one is number `batch` of `epoch`."""

    epoch: int
    batch: int


def _every(number: int) -> bool:
    del number
    return True


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Batches of one epoch; every clip is in exactly one of them.

    Args:
        lengths: Frames (or any unit) of each clip.
        batch_size: Clips per batch; the last ones may hold fewer.
        seed: The run's seed.
        epoch: Which epoch.

    Returns:
        Indices into `lengths`, one list per batch, in training order.
    """
    random = np.random.default_rng(derive_seed(seed, "epoch", epoch))
    shuffled = random.permutation(len(lengths)).tolist()
    pool_size = batch_size * POOL_BATCHES
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), pool_size):
        pool = sorted(shuffled[start : start + pool_size], key=lambda index: lengths[index])
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [batches[index] for index in random.permutation(len(batches))]


class Feed(Generic[ClipT, BatchT]):
    """An endless, resumable stream of training batches.

    Args:
        lengths: Frames of each clip; decides who meets whom.
        load: Clip of an index; called from loader threads.
        collate: Batch of clips.
        batch_size: Clips per batch.
        seed: The run's seed.
        plan: Batches of an epoch, as many in each; `epoch_batches` by default.
        loader_threads: Batches are prepared this many at a time ahead of training; 0 prepares each
            when it is asked for. The batches are the same either way.

    Raises:
        UserError: there is no clip at all.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        load: Callable[[int], ClipT],
        collate: Callable[[list[ClipT]], BatchT],
        *,
        batch_size: int,
        seed: int,
        plan: Callable[[int], list[list[int]]] | None = None,
        loader_threads: int = 1,
    ) -> None:
        if not lengths:
            raise UserError(
                "training set: 0 clips; add recordings, or loosen corpus.screen so that some pass"
            )
        self.lengths = lengths
        self.load = load
        self.collate = collate
        self.plan = plan or partial(epoch_batches, lengths, batch_size, seed)
        self._batches_per_epoch = len(self.plan(0))
        self.loader_threads = loader_threads

    def batches_per_epoch(self) -> int:
        """Batches in an epoch; the same in every epoch."""
        return self._batches_per_epoch

    def after(self, position: Position, batches: int) -> Position:
        """The position that many batches later."""
        per_epoch = self.batches_per_epoch()
        return Position(*divmod(position.epoch * per_epoch + position.batch + batches, per_epoch))

    def start(
        self, position: Position, takes: Callable[[int], bool] = _every
    ) -> Generator[BatchT, None, None]:
        """Batches from a position on, without end.

        Args:
            position: Where to start.
            takes: Whether the n-th batch from there, from 0, is wanted: processes that train together take
                some each. The others are neither loaded nor yielded.
        """
        plan = (chosen for number, chosen in enumerate(self._plan(position)) if takes(number))
        if self.loader_threads == 0:
            for chosen in plan:
                yield self._make(chosen)
            return
        with ThreadPoolExecutor(self.loader_threads, "batch-loader") as pool:
            ahead: deque[Future[BatchT]] = deque()
            for chosen in plan:
                ahead.append(pool.submit(self._make, chosen))
                if len(ahead) > self.loader_threads:
                    yield ahead.popleft().result()

    def _plan(self, position: Position) -> Iterator[list[int]]:
        epoch, index = position
        while True:
            yield from self.plan(epoch)[index:]
            epoch, index = epoch + 1, 0

    def _make(self, chosen: list[int]) -> BatchT:
        return self.collate([self.load(index) for index in chosen])


def pad_frames(tracks: Sequence[np.ndarray], frames: int | None = None) -> Tensor:
    """Stack `[D, T_i]` (or `[T_i]`) arrays into zero-padded `[B, D, T]` (or `[B, T]`).

    Args:
        tracks: Arrays of one dtype that differ in their last axis only.
        frames: Length to pad to; the longest track's by default.
    """
    longest = max(track.shape[-1] for track in tracks) if frames is None else frames
    first = torch.from_numpy(tracks[0])
    padded = torch.zeros((len(tracks), *first.shape[:-1], longest), dtype=first.dtype)
    for row, track in zip(padded, tracks, strict=True):
        row[..., : track.shape[-1]] = torch.from_numpy(track)
    return padded
