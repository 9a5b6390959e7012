"""Stretches of equal length out of rows of different lengths: a decoder's norms would hear padding."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Crops(NamedTuple):
    """Stretches of equal length, one of each row, in frames of 25 ms."""

    starts: tuple[int, ...]
    n_frames: int

    def of(self, x: Tensor, per_frame: int = 1) -> Tensor:
        """[B, ..., T] -> [B, ..., n], for `x` of so many values per frame."""
        n = self.n_frames * per_frame
        rows = [row[..., at * per_frame : at * per_frame + n] for row, at in zip(x, self.starts, strict=True)]
        return torch.stack(rows)


def draw_crops(lengths: Sequence[int], longest: int, rng: torch.Generator) -> Crops:
    """Crops as long as the shortest row, at most `longest`; rows of `lengths` frames, starts from `rng`."""
    n_frames = min(*lengths, longest)
    share = torch.rand(len(lengths), generator=rng, device=rng.device).tolist()
    starts = (int(s * (length - n_frames + 1)) for s, length in zip(share, lengths, strict=True))
    return Crops(tuple(starts), n_frames)
