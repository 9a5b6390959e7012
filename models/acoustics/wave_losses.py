"""Distances and verdicts between recordings and synthesis, as StyleTTS 2 trains by them.

Source: StyleTTS 2's `losses.py`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.content.wavlm import WavLM
from models.discriminators.multi_period import JudgesInOnePass
from models.layers.freezing import frozen
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.losses.relativistic import relativistic_discriminator_loss, relativistic_generator_loss
from models.losses.spectral import MultiResolutionMelLoss, MultiResolutionStftLoss


class WaveLosses:
    """Between real and made waveforms [B, 1, S].

    Args:
        distance: On the waveforms' device.
        judges: Discriminators; none where the run has no adversaries.
        wavlm: The speech language model whose features are compared, if any.
        slm_layers: Hidden states that it gives.
        stft: A second distance, on the waveforms' device, if any.
    """

    def __init__(
        self,
        distance: MultiResolutionMelLoss,
        judges: Sequence[JudgesInOnePass],
        wavlm: WavLM | None = None,
        slm_layers: int = 0,
        stft: MultiResolutionStftLoss | None = None,
    ) -> None:
        self._mel = distance
        self._judges = judges
        self._wavlm = wavlm
        self._slm_layers = slm_layers
        self._stft = stft

    def mel_distance(self, real: Tensor, fake: Tensor) -> Tensor:
        """Multi-resolution mel distance, a scalar."""
        return self._mel(fake[:, 0], real[:, 0])

    def stft_distance(self, real: Tensor, fake: Tensor) -> Tensor | None:
        """Multi-resolution distance of all bins, a scalar; None where it is not wanted."""
        return None if self._stft is None else self._stft(fake[:, 0], real[:, 0])

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Least squares and TPRLS of all discriminators on the real and the detached made waveform."""
        losses = []
        for judge in self._judges:
            judged_real, judged_fake = judge(real, fake.detach())
            losses += [
                discriminator_loss(judged_real.scores, judged_fake.scores),
                relativistic_discriminator_loss(judged_real.scores, judged_fake.scores),
            ]
        return torch.stack(losses).sum()

    def adversarial(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the made waveform has to do better; the discriminators take no gradient."""
        losses = []
        for judge in self._judges:
            with frozen(judge):
                with torch.no_grad():
                    judged_real = judge.judge(real)
                judged_fake = judge.judge(fake)
            losses += [
                generator_loss(judged_fake.scores),
                feature_matching_loss(judged_real.features, judged_fake.features),
                relativistic_generator_loss(judged_real.scores, judged_fake.scores),
            ]
        return torch.stack(losses).sum()

    def slm_distance(self, real: Tensor, fake: Tensor) -> Tensor | None:
        """Distance of WavLM's hidden states, summed over its layers; None where there is no WavLM."""
        if self._wavlm is None:
            return None
        with torch.no_grad():
            expected = self._wavlm(real[:, 0])
        return self._slm_layers * functional.l1_loss(self._wavlm(fake[:, 0]).float(), expected.float())
