"""Truncated pointwise relativistic least squares, the TPRLS of StyleTTS 2 (its `losses.py`).

Both sides compare every score of a recording with the score of synthesis at the same place. Of the
differences, those below their median are drawn towards it, by a squared loss that is cut off at `TAU`. Where
none is below, as when all scores are equal, the loss and its gradient are 0.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

TAU = 0.04
"""The published cut-off."""


def relativistic_discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Sum over the discriminators, in fp32; scores of any shape, all of a discriminator's together."""
    return _total(real, fake)


def relativistic_generator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """As the discriminator's, with the parts exchanged."""
    return _total(fake, real)


def _total(higher: Sequence[Tensor], lower: Sequence[Tensor]) -> Tensor:
    pairs = zip(higher, lower, strict=True)
    return torch.stack([_truncated(high.float() - low.float()) for high, low in pairs]).sum()


def _truncated(difference: Tensor) -> Tensor:
    shortfall = functional.relu(difference.median() - difference)
    n_below = (shortfall.detach() > 0).sum().clamp(min=1)
    return TAU - functional.relu(TAU - shortfall.square().sum() / n_below)
