"""Two processes with half a batch each move the codebook as one with the whole batch does."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from models.sovits.quantize import DEAD_BELOW, Codebook
from tests.models.golden_fill import normal

SIZE, WIDTH, N_VECTORS, N_DEAD = 6, 3, 40, 2


def _codebook() -> Codebook:
    """Filled codes; the last ones lie far from the data and die at the first update."""
    codebook = Codebook(SIZE, WIDTH)
    codebook.embed.copy_(normal("distributed/codes", SIZE, WIDTH))
    codebook.embed[-N_DEAD:] += 100
    codebook.embed_avg.copy_(codebook.embed)
    codebook.cluster_size.fill_(1)
    codebook.cluster_size[-N_DEAD:] = DEAD_BELOW
    return codebook


def _update(codebook: Codebook, vectors: Tensor, weights: Tensor) -> dict[str, Tensor]:
    codebook.update(vectors, codebook.encode(vectors), weights)
    return codebook.state_dict()


def _batch() -> tuple[Tensor, Tensor]:
    weights = torch.ones(N_VECTORS)
    weights[::7] = 0
    return normal("distributed/vectors", N_VECTORS, WIDTH), weights


def _process(rank: int, folder: str) -> None:
    """Every other vector, so that the halves differ in how many are padding."""
    torch.manual_seed(rank)
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    vectors, weights = (part[rank::2] for part in _batch())
    torch.save(_update(_codebook(), vectors, weights), Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_move_the_codebook_as_one(tmp_path: Path) -> None:
    multiprocessing.spawn(_process, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    alone = _update(_codebook(), *_batch())
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    alive = slice(SIZE - N_DEAD)
    for name in ("embed", "embed_avg", "cluster_size"):
        torch.testing.assert_close(first[name][alive], alone[name][alive], rtol=1e-6, atol=1e-6)
    vectors, weights = _batch()
    for code in first["embed"][-N_DEAD:]:
        assert (vectors[weights > 0] == code).all(1).any()
