"""Durations as StyleTTS 2 predicts them: a token lasts as many frames as the sum of its bins' sigmoids.

Logits are [B, N, K] of K bins, lengths [B] int64 of tokens, on any device. Sources: StyleTTS 2 (Li et al.
2023), section 3.2.3, and its `train_second.py` and `Modules/slmadv.py` for what the paper leaves open.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.layers.masking import sequence_mask

SIGMA = 1.5
"""Published width of the soft alignment, in frames."""


class DurationLosses(NamedTuple):
    """Scalars in fp32."""

    l1: Tensor
    """Mean over rows of the mean absolute error, in frames, of all tokens but the first and the last."""
    cross_entropy: Tensor
    """Mean over rows of the binary cross-entropy of the bins, which should be ones up to the duration."""


class SoftAlignment(NamedTuple):
    """An alignment that durations learn through; T is the longest row's length."""

    attention: Tensor
    """[B, N, T]; a frame's weights sum to 1. 0 at padding of either kind."""
    lengths: tuple[int, ...]
    """Frames of each row: the rounded sum of its durations, at least one."""
    durations: Tensor
    """[B, N] in frames; padding has some too."""


def duration_losses(logits: Tensor, durations: Tensor, lengths: Tensor) -> DurationLosses:
    """`durations` [B, N] in frames. A row of two tokens has no L1."""
    logits, durations = logits.float(), durations.float()
    lengths = lengths.to(logits.device, non_blocking=True)
    n_tokens, n_bins = logits.shape[1:]
    real = sequence_mask(lengths, n_tokens)
    within = real & sequence_mask(lengths - 1, n_tokens)
    within[:, 0] = False
    error = (logits.sigmoid().sum(2) - durations).abs() * within
    l1 = (error.sum(1) / within.sum(1).clamp(min=1)).mean()
    target = torch.arange(n_bins, device=logits.device) < durations.round()[..., None]
    entropy = functional.binary_cross_entropy_with_logits(logits, target.float(), reduction="none")
    entropy = (entropy * real[..., None]).sum((1, 2)) / (lengths * n_bins)
    return DurationLosses(l1, entropy.mean())


def length_loss(predicted: Tensor, durations: Tensor, lengths: Tensor) -> Tensor:
    """Mean over rows of the error of the whole duration, in frames per token; not of StyleTTS 2.

    What `duration_losses` teaches alone is too short when spoken: durations nearest in L1 are medians, and a
    head that is right on average under its dropout is short without it, since most bins are less likely than
    not. So `predicted` [B, N], frames, should come from logits without that dropout.
    """
    lengths = lengths.to(predicted.device, non_blocking=True)
    real = sequence_mask(lengths, predicted.shape[1])
    return (((predicted.float() - durations.float()) * real).sum(1).abs() / lengths).mean()


def soft_alignment(logits: Tensor, lengths: Tensor, sigma: float = SIGMA) -> SoftAlignment:
    """Where tokens lie in time, differentiable in the logits; in fp32.

    A token's score at a frame is the sum of its bins' LOGITS, each weighted by a Gaussian around the bin's
    place after the token's centre; a softmax over the tokens follows. Waits for the device once, for the
    lengths.
    """
    logits = logits.float()
    n_tokens, n_bins = logits.shape[1:]
    real = sequence_mask(lengths.to(logits.device, non_blocking=True), n_tokens)
    durations = logits.sigmoid().sum(2)
    n_frames = (durations.detach() * real).sum(1).round().long().clamp(min=1)
    found = tuple(n_frames.tolist())
    longest = max(found)
    centres = durations.cumsum(1) - durations / 2

    place = torch.arange(longest, device=logits.device) + 1
    bell = torch.exp(-(place - centres[..., None]).square() / (2 * sigma**2))
    reach = functional.pad(bell, (n_bins - 1, 0)).unfold(2, n_bins, 1)
    scores = torch.einsum("bntk,bnk->bnt", reach, logits.flip(2))

    attention = scores.masked_fill(~real[..., None], -torch.inf).softmax(1)
    heard = sequence_mask(n_frames, longest)
    return SoftAlignment(attention * heard[:, None], found, durations)
