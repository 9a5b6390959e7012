"""Stage 1 of StyleTTS 2: speech from recorded pitch, energy and alignment. No optimiser, no loop.

pass_ = step.forward(batch, rng)
step.discriminator_losses(pass_)   where the phase is adversarial; then update the discriminators
step.generator_losses(pass_)       then update the phase's networks
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.acoustics.batch import AcousticBatch
from models.acoustics.crops import draw_crops
from models.acoustics.style_encoder import MIN_FRAMES
from models.frontend.mel import log_norm
from models.styletts2.training import (
    Aligned,
    Networks,
    Phase,
    align,
    aligner_losses,
    half_lengths,
    recorded_pitch,
    soft_or_hard,
    wave_losses,
)

_ACOUSTIC = ("text_encoder", "style_encoder", "decoder")
ACOUSTIC = Phase("acoustic", _ACOUSTIC, _ACOUSTIC)
"""Before TMA_epoch: mel distance alone."""
ALIGNED = Phase(
    "aligned",
    (*_ACOUSTIC, "text_aligner"),
    (*_ACOUSTIC, "text_aligner"),
    adversarial=True,
    aligns=True,
)
"""From TMA_epoch on: transferable monotonic alignment, and the adversaries."""


class ReconstructionPass(NamedTuple):
    """One run of the networks, for both updates."""

    real: Tensor
    """[B, 1, S] of the recording."""
    fake: Tensor
    """[B, 1, S] with its graph."""
    aligned: Aligned
    batch: AcousticBatch


class Stage1Step:
    """Text encoder, style encoder and decoder, and the arithmetic between them and their judges.

    Args:
        networks: On one device, in the state of a phase (`training.enter`).
        max_len_frames: Longest stretch that is decoded, mel frames.
        stft: Whether plain spectrograms are compared beside mels.
    """

    def __init__(self, networks: Networks, max_len_frames: int, stft: bool = False) -> None:
        self.networks = networks
        self.max_frames = max_len_frames // 2
        self.losses = wave_losses(networks, stft)

    def forward(self, batch: AcousticBatch, rng: torch.Generator) -> ReconstructionPass:
        """Align, crop and decode; every random number but dropout's is drawn from `rng`."""
        networks, model = self.networks, self.networks.model
        learns = networks.text_aligner is not None and networks.text_aligner.training
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            aligned = align(networks, batch, rng)
        text = model.text_encoder(batch.tokens, torch.tensor(batch.token_lengths))
        text_frames = text @ soft_or_hard(aligned, rng).to(text.dtype)
        lengths = half_lengths(batch)
        crops = draw_crops(lengths, self.max_frames, rng)
        mel, wave = crops.of(batch.mel, 2), crops.of(batch.wave, model.config.frame_samples)
        style_mel = mel
        if model.config.multispeaker:
            # A style from elsewhere in the clip is one of the speaker, not of these very frames.
            style_mel = draw_crops(lengths, max(lengths), rng).of(batch.mel, 2)
        style = model.style_encoder(style_mel[:, None])
        f0_hz = recorded_pitch(networks, mel, crops.of(batch.f0_hz, 2))
        fake = model.decoder(crops.of(text_frames), f0_hz, log_norm(mel), style, rng=rng)
        return ReconstructionPass(wave[:, None], fake, aligned, batch)

    def discriminator_losses(self, passed: ReconstructionPass) -> dict[str, Tensor]:
        """{"disc": scalar}."""
        return {"disc": self.losses.discriminator(passed.real, passed.fake)}

    def generator_losses(self, passed: ReconstructionPass, phase: Phase) -> dict[str, Tensor]:
        """Unweighted scalars, those that the phase has; configs.train_styletts2 names and weighs them."""
        losses = {"mel": self.losses.mel_distance(passed.real, passed.fake)}
        if (second := self.losses.stft_distance(passed.real, passed.fake)) is not None:
            losses["stft"] = second
        if phase.aligns:
            losses |= aligner_losses(passed.aligned, passed.batch)
        if phase.adversarial:
            losses["gen"] = self.losses.adversarial(passed.real, passed.fake)
            if (distance := self.losses.slm_distance(passed.real, passed.fake)) is not None:
                losses["slm"] = distance
        return losses

    @torch.no_grad()
    def validation_losses(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """{"mel"} of whole clips, each from its own style, pitch, energy and monotonic alignment."""
        real, fake = reconstruct(self.networks, batch)
        return {"mel": self.losses.mel_distance(real, fake)}


@torch.no_grad()
def reconstruct(networks: Networks, batch: AcousticBatch, pitch_factor: float = 1.0) -> tuple[Tensor, Tensor]:
    """Recording and resynthesis [B, 1, S] of clips of one length, all prosody recorded.

    Args:
        pitch_factor: Of the recorded pitch.
    """
    model = networks.model
    path = align(networks, batch, None).path
    text = model.text_encoder(batch.tokens, torch.tensor(batch.token_lengths))
    style = model.style_encoder(batch.mel[:, None])
    f0_hz = recorded_pitch(networks, batch.mel, batch.f0_hz) * pitch_factor
    # The same source noise at each call: validations differ by the weights alone.
    rng = torch.Generator().manual_seed(0)
    fake = model.decoder(text @ path.to(text.dtype), f0_hz, log_norm(batch.mel), style, rng=rng)
    return batch.wave[:, None, : fake.shape[2]], fake


@torch.no_grad()
def say(networks: Networks, clip: AcousticBatch, rng: torch.Generator) -> Tensor:
    """[S] of one clip's text under its own style, nothing else of it recorded; random numbers from `rng`."""
    model = networks.model
    style = model.encode_reference(clip.mel, clip.mel_lengths)
    lengths = torch.tensor(clip.token_lengths)
    return model.synthesize(clip.tokens, lengths, style=style, rngs=[rng]).waves[0]


SHORTEST_CLIP_FRAMES = MIN_FRAMES + MIN_FRAMES % 2
"""Mel frames that a clip needs: fewer are too short for the style encoder."""
