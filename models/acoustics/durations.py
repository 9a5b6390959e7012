"""From the duration head's logits to durations, and from durations to an alignment."""

import torch
from torch import Tensor


def predicted_durations(logits: Tensor, speed: float | Tensor = 1.0) -> Tensor:
    """[B, L, bins] -> frames [B, L], not yet whole: the sum of the bins' probabilities over the speed.

    speed: of everything, or [B, L].
    """
    return torch.sigmoid(logits).sum(-1) / speed


def whole_frames(durations: Tensor) -> Tensor:
    """Frames [B, L] -> int64, at least one per token."""
    return durations.round().clamp(min=1).long()


def delayed(x: Tensor, n_frames: int) -> Tensor:
    """[B, C, T] held back by that many frames, the first one repeated in their place."""
    return x if n_frames == 0 else torch.cat((x[..., :1].expand(-1, -1, n_frames), x[..., :-n_frames]), dim=2)


def hard_alignment(durations: Tensor, n_frames: int) -> Tensor:
    """Frames per token [B, L] int64 -> [B, L, n_frames] of 0 and 1; later frames belong to no token."""
    ends = durations.cumsum(1)[..., None]
    frames = torch.arange(n_frames, device=durations.device)
    return ((frames < ends) & (frames >= ends - durations[..., None])).float()
