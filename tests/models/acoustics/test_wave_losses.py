"""Which waveform the discriminators are told is real."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.acoustics.wave_losses import WaveLosses
from models.discriminators.multi_period import Judgement
from models.losses.spectral import MultiResolutionMelLoss


class Level(nn.Module):
    """A discriminator that scores a waveform by its mean."""

    def judge(self, wave: Tensor) -> Judgement:
        return Judgement([wave.mean(2)], [[wave]])

    def forward(self, real: Tensor, fake: Tensor) -> tuple[Judgement, Judgement]:
        return self.judge(real), self.judge(fake)


def test_the_discriminator_wants_one_for_recordings_and_none_for_what_is_made() -> None:
    losses = WaveLosses(MultiResolutionMelLoss(), [Level()])
    ones, zeros = torch.ones(2, 1, 800), torch.zeros(2, 1, 800)
    right, wrong = losses.discriminator(ones, zeros), losses.discriminator(zeros, ones)
    # Least squares of scores that are exactly right is 0; the relativistic part is all that is left.
    assert right < wrong - 1.9
