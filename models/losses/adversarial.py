"""Least-squares adversarial losses (Mao et al. 2017) and feature matching, as in HiFi-GAN. All in fp32."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Sum over the discriminators of mean (1 - real)^2 + mean fake^2; scores of any shape."""
    return _total(
        [(1 - r.float()).square().mean() + f.float().square().mean() for r, f in zip(real, fake, strict=True)]
    )


def generator_loss(fake: Sequence[Tensor]) -> Tensor:
    """Sum over the discriminators of mean (1 - fake)^2."""
    return _total([(1 - f.float()).square().mean() for f in fake])


def feature_matching_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """Twice the sum over all maps of mean |real - fake|; the real maps take no gradient."""
    return 2 * _total(
        [
            functional.l1_loss(f.float(), r.detach().float())
            for real_maps, fake_maps in zip(real, fake, strict=True)
            for r, f in zip(real_maps, fake_maps, strict=True)
        ]
    )


def _total(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).sum()
