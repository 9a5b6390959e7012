"""The vector quantiser: k-means, learning, padding."""

import torch

from models.sovits.quantize import ResidualQuantizer, kmeans
from tests.models.golden_fill import normal


def _blobs() -> tuple[torch.Tensor, torch.Tensor]:
    centres = 10 * normal("centres", 8, 5)
    members = torch.arange(400) % 8
    return centres[members] + 0.1 * normal("spread", 400, 5), centres


def test_kmeans_finds_the_clusters_and_repeats() -> None:
    vectors, centres = _blobs()
    found, counts = kmeans(vectors, 32, torch.Generator().manual_seed(0), 20)
    assert torch.cdist(centres, found).min(dim=1).values.max() < 0.5
    assert counts.sum() == len(vectors)
    again, _ = kmeans(vectors, 32, torch.Generator().manual_seed(0), 20)
    assert torch.equal(found, again)


def test_kmeans_with_fewer_vectors_than_centres() -> None:
    vectors = normal("few", 5, 3)
    centres, counts = kmeans(vectors, 16, torch.Generator().manual_seed(0), 5)
    assert bool(torch.isfinite(centres).all())
    assert counts.sum() == 5


def _quantizer() -> tuple[ResidualQuantizer, torch.Tensor]:
    vectors, _ = _blobs()
    quantizer = ResidualQuantizer(size=16, dim=5)
    quantizer.fit(vectors, torch.Generator().manual_seed(0))
    return quantizer, vectors.T[None]


def test_decoding_codes_gives_the_quantised_vectors() -> None:
    quantizer, x = _quantizer()
    mask = torch.ones(1, x.shape[2], dtype=torch.bool)
    out = quantizer(x, mask, learn=False)
    assert torch.equal(quantizer.encode(x), out.codes)
    torch.testing.assert_close(quantizer.decode(out.codes), out.vectors)
    assert out.commitment < 0.1


def test_learning_follows_the_data_and_passes_gradients() -> None:
    quantizer, x = _quantizer()
    moved = (x + 0.5).requires_grad_(True)
    mask = torch.ones(1, x.shape[2], dtype=torch.bool)
    torch.manual_seed(0)
    first = quantizer(moved, mask, learn=True)
    for _ in range(300):
        last = quantizer(moved, mask, learn=True)
    assert last.commitment < 0.2 * first.commitment
    (gradient,) = torch.autograd.grad(last.vectors.sum(), moved)
    assert torch.equal(gradient, torch.ones_like(x))


def test_padding_does_not_move_the_codebook() -> None:
    clean, x = _quantizer()
    padded, _ = _quantizer()
    mask = torch.ones(1, x.shape[2], dtype=torch.bool)
    torch.manual_seed(0)
    clean(x, mask, learn=True)
    wide = torch.nn.functional.pad(x, (0, 50), value=99.0)
    torch.manual_seed(0)
    padded(wide, torch.nn.functional.pad(mask, (0, 50)), learn=True)
    torch.testing.assert_close(clean.codebooks[0].cluster_size, padded.codebooks[0].cluster_size)
    used = clean.codebooks[0].cluster_size > 1.5
    torch.testing.assert_close(clean.codebooks[0].embed[used], padded.codebooks[0].embed[used])


def test_a_centre_is_the_mean_of_its_vectors_however_few() -> None:
    vectors = torch.tensor([[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [10.0, 2.0], [12.0, 1.0]])
    # Far apart from the start, so that whichever two are drawn the groups are found.
    centres, counts = kmeans(vectors, 2, torch.Generator().manual_seed(1), 8)
    order = centres[:, 0].argsort()
    torch.testing.assert_close(centres[order], torch.tensor([[0.0, 1.0], [32 / 3, 1.0]]))
    assert counts[order].tolist() == [2, 3]
