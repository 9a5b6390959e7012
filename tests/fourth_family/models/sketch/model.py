"""The network: a sound per character in its neighbourhood, drawn over the character's length."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.acoustics.durations import hard_alignment


@dataclass(frozen=True)
class SketchConfig:
    """Sizes.

    Attributes:
        n_symbols: Characters.
        width: Channels of all layers.
        n_mels: Mel bands.
    """

    n_symbols: int
    width: int
    n_mels: int = 80


class Sketch(nn.Module):
    """Characters [B, L] to durations and a mel spectrogram."""

    def __init__(self, config: SketchConfig) -> None:
        super().__init__()
        self.config = config
        self.sounds = nn.Embedding(config.n_symbols, config.width)
        self.context = nn.Conv1d(config.width, config.width, 5, padding=2)
        self.length = nn.Conv1d(config.width, 1, 3, padding=1)
        self.movement = nn.Conv1d(config.width, config.width, 9, padding=4)
        self.mel = nn.Conv1d(config.width, config.n_mels, 1)

    def forward(self, tokens: Tensor, durations: Tensor) -> tuple[Tensor, Tensor]:
        """The mel of given durations, and the durations that it would choose.

        Args:
            tokens: int64 [B, L].
            durations: int64 [B, L], frames of 25 ms.

        Returns:
            mel [B, n_mels, 2 N], N the longest sum of durations, and the logarithms of durations [B, L].
        """
        heard = self._heard(tokens)
        alignment = hard_alignment(durations, int(durations.sum(1).max()))
        frames = (heard @ alignment).repeat_interleave(2, dim=2)
        return self.mel(frames + F.gelu(self.movement(frames))), self.length(heard)[:, 0]

    @torch.no_grad()
    def durations(self, tokens: Tensor, speed: float) -> Tensor:
        """Frames of 25 ms [B, L] int64 that it chooses, at least one each."""
        logarithms = self.length(self._heard(tokens))[:, 0]
        return (logarithms.exp() / speed).round().clamp(1, 80).long()

    def _heard(self, tokens: Tensor) -> Tensor:
        sounds = self.sounds(tokens).transpose(1, 2)
        return sounds + F.gelu(self.context(sounds))
