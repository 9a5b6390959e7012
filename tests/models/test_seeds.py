"""Seeds of places of a run."""

from __future__ import annotations

from models.seeds import derive_seed


def test_seeds_of_neighbours_are_unrelated() -> None:
    seeds = {derive_seed(s, "step", n, m) for s in range(3) for n in range(100) for m in range(3)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**63 for seed in seeds)
