"""Masks and cuts of padded batches, without a device synchronisation."""

import torch
from torch import Tensor
from torch.nn import functional


def sequence_mask(lengths: Tensor, n_positions: int) -> Tensor:
    """[B] lengths -> [B, n_positions] bool, true where a row has data."""
    return torch.arange(n_positions, device=lengths.device) < lengths[:, None]


def frame_mask(lengths: Tensor, n_frames: int, dtype: torch.dtype) -> Tensor:
    """[B] lengths -> [B, 1, n_frames] of 0 and 1, to multiply with."""
    return sequence_mask(lengths, n_frames)[:, None].to(dtype)


def padding_mask(lengths: Tensor | None, like: Tensor) -> Tensor | None:
    """As `frame_mask` for `like` [B, C, T], on its device; None where every row fills it.

    `lengths` [B] are on the CPU, so that the question costs no synchronisation; None says that rows are full.
    """
    if lengths is None or int(lengths.min()) == like.shape[2]:
        return None
    return frame_mask(lengths.to(like.device, non_blocking=True), like.shape[2], like.dtype)


def slice_frames(x: Tensor, starts: Tensor, n_frames: int) -> Tensor:
    """Cut `n_frames` out of each row of [B, C, T] at `starts` [B]; a batch shorter than that is zero-padded.

    A start from which the cut would not fit is an index error.
    """
    x = functional.pad(x, (0, max(0, n_frames - x.shape[-1])))
    index = starts[:, None, None] + torch.arange(n_frames, device=x.device)
    return x.gather(2, index.expand(-1, x.shape[1], -1))
