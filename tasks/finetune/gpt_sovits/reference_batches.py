"""GPT-SoVITS's own orders of clips, for runs that are compared with it.

They are not the default, because they do not train on what they are given: SoVITS's leaves out every clip
outside its boundaries (at 50 frames a second: up to 0.64 s, and over 38 s) and repeats clips until each
bucket fills whole batches; T2S's repeats some when several processes share an epoch. The warnings of a plan
say so.

Sources: `DistributedBucketSampler` in GPT-SoVITS's `module/data_utils.py` and `AR/data/bucket_sampler.py`.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import torch

from configs.errors import UserError

SOVITS_BOUNDARIES = (32, *range(300, 1901, 100))
"""Frames; a bucket holds the clips above one boundary and up to the next."""

_T2S_BUCKET_S = 2.0
_NAMED = 5


class Plan(NamedTuple):
    """Epochs as `Feed` takes them, and what they do not do equally for every clip."""

    batches: Callable[[int], list[list[int]]]
    warnings: list[str]


def sovits_batches(
    frames: Sequence[int],
    batch_size: int,
    epoch: int,
    boundaries: Sequence[int] = SOVITS_BOUNDARIES,
    n_replicas: int = 1,
    rank: int = 0,
) -> list[list[int]]:
    """Batches of one process and epoch (the reference counts from 1), as indices into `frames`."""
    buckets: list[list[int]] = [[] for _ in range(len(boundaries) - 1)]
    for index, length in enumerate(frames):
        above = bisect_left(boundaries, length)
        if 0 < above < len(boundaries):
            buckets[above - 1].append(index)
    buckets = [bucket for bucket in buckets if bucket]
    rng = torch.Generator().manual_seed(epoch)
    orders = [torch.randperm(len(bucket), generator=rng).tolist() for bucket in buckets]
    batches: list[list[int]] = []
    for bucket, order in zip(buckets, orders, strict=True):
        whole = -(-len(bucket) // (n_replicas * batch_size)) * n_replicas * batch_size
        repeated = [bucket[order[at % len(order)]] for at in range(whole)][rank::n_replicas]
        batches += [repeated[at : at + batch_size] for at in range(0, len(repeated), batch_size)]
    return [batches[at] for at in torch.randperm(len(batches), generator=rng).tolist()]


def t2s_order(
    seconds: Sequence[float], batch_size: int, epoch: int, seed: int = 0, n_replicas: int = 1, rank: int = 0
) -> list[int]:
    """Clips of one process and epoch (the reference counts from 0), as indices into `seconds`.

    The reference cuts this order into batches; two buckets meet where a batch spans their border.
    """
    rng = random.Random(seed + epoch)
    clips: list[int] = []
    for bucket in _t2s_buckets(seconds):
        rng.shuffle(bucket)
        clips += bucket
    grouped = batch_size * n_replicas
    groups = [clips[at : at + grouped] for at in range(0, len(clips), grouped)]
    rng.shuffle(groups)
    order = list(chain.from_iterable(groups))
    total = -(-len(order) // n_replicas) * n_replicas
    return [order[at % len(order)] for at in range(total)][rank::n_replicas]


def sovits_plan(frames: Sequence[int], utterance_ids: Sequence[str], batch_size: int) -> Plan:
    """The reference's epochs of SoVITS in one process; our epoch 0 is its first.

    Raises:
        UserError: every clip is outside the boundaries.
    """

    def batches(epoch: int) -> list[list[int]]:
        return sovits_batches(frames, batch_size, epoch + 1)

    first = batches(0)
    if not first:
        raise UserError(
            f"train.sovits.batching = gpt-sovits: none of {len(frames)} clips has more than "
            f"{SOVITS_BOUNDARIES[0]} and at most {SOVITS_BOUNDARIES[-1]} frames; set it to bucketed"
        )
    return Plan(batches, unequal(first, utterance_ids, "train.sovits.batching"))


def t2s_plan(seconds: Sequence[float], utterance_ids: Sequence[str], batch_size: int) -> Plan:
    """The reference's epochs of T2S in one process."""

    def batches(epoch: int) -> list[list[int]]:
        order = t2s_order(seconds, batch_size, epoch)
        return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]

    return Plan(batches, unequal(batches(0), utterance_ids, "train.t2s.batching"))


def unequal(batches: Sequence[Sequence[int]], utterance_ids: Sequence[str], setting: str) -> list[str]:
    """Warnings of what an epoch leaves out and what it repeats; `setting` chose the order."""
    seen = Counter(chain.from_iterable(batches))
    left_out = [name for index, name in enumerate(utterance_ids) if not seen[index]]
    repeats = sum(seen.values()) - len(seen)
    warnings = []
    if left_out:
        warnings.append(
            f"{setting} = gpt-sovits leaves out {len(left_out)} of {len(utterance_ids)} clips, as the "
            f"reference does ({', '.join(left_out[:_NAMED])}{', ...' if len(left_out) > _NAMED else ''}); "
            "bucketed trains on all of them"
        )
    if repeats:
        warnings.append(
            f"{setting} = gpt-sovits repeats clips {repeats} times an epoch to fill its batches, as the "
            "reference does; bucketed has each once"
        )
    return warnings


def _t2s_buckets(seconds: Sequence[float]) -> list[list[int]]:
    """Clips by rising length; a clip over the limit opens the next bucket, whose limit is 2 s higher."""
    buckets: list[list[int]] = [[]]
    limit_s = _T2S_BUCKET_S
    for index in sorted(range(len(seconds)), key=lambda at: seconds[at]):
        if seconds[index] >= limit_s:
            buckets.append([])
            limit_s += _T2S_BUCKET_S
        buckets[-1].append(index)
    return buckets
