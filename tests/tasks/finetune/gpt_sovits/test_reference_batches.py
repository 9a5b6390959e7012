"""The reference's orders of clips: as recorded, and with warnings of what they do to a corpus."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import UserError
from tasks.finetune.batches import Feed, Position
from tasks.finetune.gpt_sovits.reference_batches import (
    sovits_batches,
    sovits_plan,
    t2s_order,
    t2s_plan,
)
from tests.models.golden_store import read_table
from tests.models.sovits.golden_case import folder


def recorded(goldens: Path, sampler: str) -> dict[str, Any]:
    return read_table(folder(goldens), "samplers.json")[sampler]


@pytest.mark.golden
def test_sovits_batches_are_the_references(goldens: Path) -> None:
    case = recorded(goldens, "s2")
    for run in case["runs"]:
        replicas = run["num_replicas"], run["rank"]
        batches = sovits_batches(
            case["lengths"], case["batch_size"], run["epoch"], case["boundaries"], *replicas
        )
        assert batches == run["batches"]
        assert len(batches) == run["len"]


@pytest.mark.golden
def test_t2s_order_is_the_references(goldens: Path) -> None:
    case = recorded(goldens, "s1")
    for run in case["runs"]:
        replicas = run["num_replicas"], run["rank"]
        order = t2s_order(case["seconds"], case["batch_size"], run["epoch"], case["seed"], *replicas)
        assert order == run["indices"]


@pytest.mark.parametrize("seed", range(5))
def test_processes_have_equal_shares_of_every_admitted_clip(seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = random.integers(1, 2_200, random.integers(1, 60)).tolist()
    shares = [sovits_batches(frames, 3, seed, n_replicas=2, rank=rank) for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1])
    admitted = {index for index, length in enumerate(frames) if 32 < length <= 1900}
    assert {index for share in shares for batch in share for index in batch} == admitted
    assert all(len(batch) == 3 for share in shares for batch in share)
    seconds = [length / 50 for length in frames]
    orders = [t2s_order(seconds, 3, seed, n_replicas=2, rank=rank) for rank in (0, 1)]
    assert len(orders[0]) == len(orders[1])
    assert set(orders[0]) | set(orders[1]) == set(range(len(frames)))


def test_a_plan_says_what_it_leaves_out_and_repeats() -> None:
    frames = [32, 33, 1900, 1901, 500, 450]
    names = [f"clip_{index}" for index in range(len(frames))]
    plan = sovits_plan(frames, names, batch_size=4)
    counts = Counter(index for batch in plan.batches(0) for index in batch)
    assert set(counts) == {1, 2, 4, 5}
    left_out, repeated = plan.warnings
    assert "leaves out 2 of 6 clips" in left_out
    assert "clip_0, clip_3" in left_out
    assert f"{counts.total() - 4} times" in repeated
    assert t2s_plan([1.0, 5.0, 9.0], names[:3], batch_size=2).warnings == []


def test_a_corpus_outside_the_boundaries_is_an_error() -> None:
    with pytest.raises(UserError, match=r"none of 2 clips.*set it to bucketed"):
        sovits_plan([5, 3_000], ["a", "b"], batch_size=2)


def test_a_feed_follows_the_plan_and_resumes_in_it() -> None:
    frames = [40 + 37 * index for index in range(20)]
    plan = sovits_plan(frames, [str(index) for index in range(20)], batch_size=2)
    feed = Feed(frames, lambda index: index, list, batch_size=2, seed=0, plan=plan.batches)
    expected = [*plan.batches(0), *plan.batches(1)]
    assert feed.batches_per_epoch() == len(plan.batches(0)) == len(plan.batches(1))
    stream = feed.start(Position(0, 0))
    assert [next(stream) for _ in expected] == expected
    stream.close()
    later = feed.start(Position(1, 2))
    assert next(later) == plan.batches(1)[2]
    later.close()
