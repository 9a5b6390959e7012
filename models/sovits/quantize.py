"""Residual vector quantiser with an exponential-moving-average codebook.

Sources: SoundStream (Zeghidour et al. 2021) as in EnCodec's `core_vq.py`; buffer names are those of published
weights. Unlike there, no forward pass initialises the codebook: `ResidualQuantizer.fit` does, from the data.
"""

from typing import NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

DECAY = 0.99
EPSILON = 1e-5
DEAD_BELOW = 0.02
"""A code that gets fewer vectors per batch than this, in the moving average, is replaced by one of them."""


class Quantized(NamedTuple):
    vectors: Tensor
    """[B, D, T]; in training its gradient passes straight to the input."""
    codes: Tensor
    """[n_quantizers, B, T] int64."""
    commitment: Tensor
    """Scalar: mean squared distance of the input to its code, over the frames that exist."""


class Codebook(nn.Module):
    """`size` vectors of width `dim`, moved towards the data that is assigned to them."""

    embed: Tensor
    embed_avg: Tensor
    cluster_size: Tensor
    inited: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(size))
        self.register_buffer("embed", torch.zeros(size, dim))
        self.register_buffer("embed_avg", torch.zeros(size, dim))

    def encode(self, vectors: Tensor) -> Tensor:
        """[..., D] -> [...] index of the nearest code."""
        return nearest(vectors, self.embed)

    def decode(self, codes: Tensor) -> Tensor:
        """[...] -> [..., D]."""
        return functional.embedding(codes, self.embed)

    @torch.no_grad()
    def fit(self, vectors: Tensor, rng: torch.Generator, n_iterations: int = 50) -> None:
        """Set the codes to k-means centres of `vectors` [N, D]."""
        centres, counts = kmeans(vectors, self.embed.shape[0], rng, n_iterations)
        self.cluster_size.copy_(counts.clamp(min=1))
        self.embed.copy_(centres)
        self.embed_avg.copy_(centres * self.cluster_size[:, None])
        self.inited.fill_(1)

    @torch.no_grad()
    def update(self, vectors: Tensor, codes: Tensor, weights: Tensor) -> None:
        """Move the codes towards `vectors` [N, D] assigned by `codes` [N]; `weights` [N] is 0 on padding.

        In distributed training every process must call this together: the counts and sums are those of all
        processes, and the replacements of dead codes are the first process's.
        """
        one_hot = functional.one_hot(codes, self.embed.shape[0]).to(vectors) * weights[:, None]
        counts, sums = one_hot.sum(0), one_hot.T @ vectors
        _add_over_processes(counts, sums)
        self.cluster_size.lerp_(counts, 1 - DECAY)
        self.embed_avg.lerp_(sums, 1 - DECAY)
        total = self.cluster_size.sum()
        smoothed = (self.cluster_size + EPSILON) / (total + EPSILON * len(self.embed)) * total
        moved = self.embed_avg / smoothed[:, None]
        # Weighted draws keep padding out of the codebook; the global generator is the one dropout uses.
        spares = vectors[torch.multinomial(weights, len(self.embed), replacement=True)]
        _take_from_first_process(spares)
        dead = self.cluster_size < DEAD_BELOW
        self.embed.copy_(torch.where(dead[:, None], spares, moved))
        self.embed_avg.copy_(torch.where(dead[:, None], spares, self.embed_avg))
        self.cluster_size.masked_fill_(dead, 1)


class _Quantizer(nn.Module):
    """One stage; holds the codebook under its published name."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self._codebook = Codebook(size, dim)


class _Stages(nn.Module):
    def __init__(self, n_quantizers: int, size: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Quantizer(size, dim) for _ in range(n_quantizers))

    def codebooks(self) -> list[Codebook]:
        return [stage._codebook for stage in self.layers if isinstance(stage, _Quantizer)]


class ResidualQuantizer(nn.Module):
    """[B, D, T] -> codes and their vectors; each stage quantises what the ones before left."""

    def __init__(self, size: int, dim: int, n_quantizers: int = 1) -> None:
        super().__init__()
        self.vq = _Stages(n_quantizers, size, dim)

    @property
    def codebooks(self) -> list[Codebook]:
        return self.vq.codebooks()

    def forward(self, x: Tensor, mask: Tensor, learn: bool) -> Quantized:
        """`mask` [B, T] bool, true on frames that exist; `learn` moves the codebook and passes gradients."""
        vectors = x.transpose(1, 2)
        weights = mask.to(x.dtype)
        residual = vectors
        all_codes, commitment = [], x.new_zeros(())
        for codebook in self.codebooks:
            codes = codebook.encode(residual)
            chosen = codebook.decode(codes)
            distance = (residual - chosen).square().mean(-1) * weights
            commitment = commitment + distance.sum() / weights.sum()
            if learn:
                codebook.update(residual.detach().flatten(0, 1), codes.flatten(), weights.flatten())
            residual = residual - chosen
            all_codes.append(codes)
        quantized = vectors - residual
        if learn:
            quantized = vectors + (quantized - vectors).detach()
        return Quantized(quantized.transpose(1, 2), torch.stack(all_codes), commitment)

    def encode(self, x: Tensor) -> Tensor:
        """[B, D, T] -> [n_quantizers, B, T] int64."""
        residual = x.transpose(1, 2)
        codes = []
        for codebook in self.codebooks:
            codes.append(codebook.encode(residual))
            residual = residual - codebook.decode(codes[-1])
        return torch.stack(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """[n_quantizers, B, T] -> [B, D, T]."""
        parts = [book.decode(stage) for book, stage in zip(self.codebooks, codes, strict=False)]
        return torch.stack(parts).sum(0).transpose(1, 2)

    @torch.no_grad()
    def fit(self, vectors: Tensor, rng: torch.Generator) -> None:
        """Initialise every stage by k-means of what it will see of `vectors` [N, D]."""
        residual = vectors
        for codebook in self.codebooks:
            codebook.fit(residual, rng)
            residual = residual - codebook.decode(codebook.encode(residual))


def _add_over_processes(*tensors: Tensor) -> None:
    """Replace each tensor by its sum over the processes of distributed training; alone, do nothing."""
    if distributed.is_available() and distributed.is_initialized():
        for tensor in tensors:
            distributed.all_reduce(tensor)


def _take_from_first_process(tensor: Tensor) -> None:
    """Replace a tensor by process 0's; alone, do nothing."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.broadcast(tensor, src=0)


def nearest(vectors: Tensor, centres: Tensor) -> Tensor:
    """[..., D] and [K, D] -> [...] int64 by squared distance; the vectors' own norm orders nothing."""
    return (centres.square().sum(1) - 2 * vectors @ centres.T).argmin(-1)


def kmeans(vectors: Tensor, n_centres: int, rng: torch.Generator, n_iterations: int) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from randomly chosen vectors: centres [K, D] and the vectors in each [K].

    With fewer vectors than centres some centres are repeated; the repeats stay unused.
    """
    order = torch.randperm(len(vectors), generator=rng, device=rng.device).to(vectors.device)
    centres = vectors[order[torch.arange(n_centres, device=order.device) % len(vectors)]]
    counts = vectors.new_zeros(n_centres)
    for _ in range(n_iterations):
        codes = nearest(vectors, centres)
        one_hot = functional.one_hot(codes, n_centres).to(vectors)
        counts = one_hot.sum(0)
        means = (one_hot.T @ vectors) / counts.clamp(min=1)[:, None]
        centres = torch.where(counts[:, None] > 0, means, centres)
    return centres, counts
