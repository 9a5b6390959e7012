"""Stage 2 and fine-tuning of StyleTTS 2: prosody from text, styles by diffusion, then all of it together.

The order of a step is that of `models.styletts2.step`. The forward pass makes the waveform first and what
only the generator's losses need last, so that a pass for the discriminators alone may end early.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.acoustics.batch import AcousticBatch
from models.acoustics.crops import Crops, draw_crops
from models.acoustics.durations import predicted_durations
from models.acoustics.prosody import PitchEnergy
from models.acoustics.source import VOICED_ABOVE_HZ
from models.frontend.mel import log_norm
from models.layers.masking import sequence_mask
from models.layers.precision import full_precision
from models.losses.durations import duration_losses, length_loss
from models.styletts2.step import reconstruct
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

_PROSODY = ("bert", "bert_encoder", "predictor", "predictor_encoder")
_ACOUSTIC = ("style_encoder", "decoder")
_TEXT = ("text_encoder", "text_aligner")
_DROPPING = ("bert", "bert_encoder", "predictor")

PROSODY = Phase("prosody", _PROSODY, _DROPPING, target="reconstruction")
"""Stage 2 before diff_epoch: the decoder's own reconstruction is the target, since it does not learn."""
DIFFUSION = Phase(
    "diffusion",
    (*_PROSODY, "diffusion"),
    _DROPPING,
    adversarial=True,
    diffusion=True,
    target="reconstruction",
)
"""Stage 2 from diff_epoch on."""
JOINT = Phase(
    "joint", (*_PROSODY, "diffusion", *_ACOUSTIC), _DROPPING, adversarial=True, diffusion=True, joint=True
)
"""Stage 2 from joint_epoch on."""

_FINETUNED = (*_PROSODY, *_ACOUSTIC, *_TEXT)
FINETUNE = Phase("finetune", _FINETUNED, (*_DROPPING, *_TEXT), adversarial=True, aligns=True, crop_style=True)
"""Fine-tuning before diff_epoch."""
FINETUNE_DIFFUSION = Phase(
    "finetune_diffusion",
    (*_FINETUNED, "diffusion"),
    (*_DROPPING, *_TEXT),
    adversarial=True,
    aligns=True,
    diffusion=True,
    crop_style=True,
)
"""Fine-tuning from diff_epoch on."""
FINETUNE_JOINT = Phase(
    "finetune_joint",
    (*_FINETUNED, "diffusion"),
    (*_DROPPING, *_TEXT),
    adversarial=True,
    aligns=True,
    diffusion=True,
    joint=True,
    crop_style=True,
)
"""Fine-tuning from joint_epoch on."""


class JointPass(NamedTuple):
    """One run of the networks, for both updates."""

    real: Tensor
    """[B, 1, S] what synthesis is compared with."""
    fake: Tensor
    """[B, 1, S] with its graph."""
    losses: dict[str, Tensor]
    """Those that need no judge; empty where only the waveform was asked for."""


class Reconstructed(NamedTuple):
    """Recordings and what the decoder makes of their own pitch and energy, [B, S]."""

    real: Tensor
    fake: Tensor


class _Read(NamedTuple):
    lengths: Tensor
    mask: Tensor
    bert: Tensor
    d_en: Tensor


class JointStep:
    """Everything that speaking needs, the arithmetic between it, and its judges.

    Args:
        networks: On one device, in the state of a phase (`training.enter`).
        max_len_frames: Longest stretch that is decoded, mel frames.
        stft: Whether plain spectrograms are compared beside mels.
    """

    def __init__(self, networks: Networks, max_len_frames: int, stft: bool = False) -> None:
        self.networks = networks
        self.max_frames = max_len_frames // 2
        self.losses = wave_losses(networks, stft)

    def forward(
        self, batch: AcousticBatch, phase: Phase, rng: torch.Generator, *, wave_only: bool = False
    ) -> JointPass:
        """Predict prosody, crop, decode, compare; random numbers but dropout's are drawn from `rng`."""
        networks, model = self.networks, self.networks.model
        with torch.set_grad_enabled(phase.aligns and torch.is_grad_enabled()):
            aligned = align(networks, batch, rng)
            text = model.text_encoder(batch.tokens, torch.tensor(batch.token_lengths))
        attention = soft_or_hard(aligned, rng) if phase.aligns else aligned.path
        text_frames = text @ attention.to(text.dtype)
        read = self._read(batch)
        prosodic = model.predictor_encoder.encode_ragged(batch.mel, batch.mel_lengths)
        d = model.predictor.encode(read.d_en, prosodic, read.lengths)
        prosody_frames = d.transpose(1, 2) @ aligned.path.to(d.dtype)

        crops, style_mel = self._crops(batch, phase, rng)
        mel = crops.of(batch.mel, 2)
        acoustic, prosodic_here = model.style_encoder(style_mel), model.predictor_encoder(style_mel)
        f0_hz = recorded_pitch(networks, mel, crops.of(batch.f0_hz, 2))
        energy = log_norm(mel)
        curves = model.predictor.pitch_and_energy(crops.of(prosody_frames), prosodic_here)
        text_here = crops.of(text_frames)
        fake = model.decoder(text_here, curves.f0_hz, curves.energy, acoustic, rng=rng)
        real = crops.of(batch.wave, model.config.frame_samples)[:, None]
        if phase.target == "reconstruction":
            with torch.no_grad():
                real = model.decoder(text_here, f0_hz, energy, acoustic, rng=rng)
        if wave_only:
            return JointPass(real, fake, {})

        losses = {
            **_curve_losses(curves, f0_hz, energy),
            **self._duration_losses(d, aligned, read),
        }
        if phase.diffusion:
            losses |= self._diffusion_losses(batch, prosodic, read, rng)
        if phase.aligns:
            losses |= aligner_losses(aligned, batch)
        return JointPass(real, fake, losses)

    @torch.no_grad()
    def reconstruct(self, batch: AcousticBatch, phase: Phase, rng: torch.Generator) -> Reconstructed:
        """Crops as `forward` decodes them, from recorded pitch and energy."""
        networks, model = self.networks, self.networks.model
        path = align(networks, batch, None).path
        text = model.text_encoder(batch.tokens, torch.tensor(batch.token_lengths))
        crops, style_mel = self._crops(batch, phase, rng)
        mel = crops.of(batch.mel, 2)
        f0_hz = recorded_pitch(networks, mel, crops.of(batch.f0_hz, 2))
        text_here, style = crops.of(text @ path.to(text.dtype)), model.style_encoder(style_mel)
        fake = model.decoder(text_here, f0_hz, log_norm(mel), style, rng=rng)
        return Reconstructed(crops.of(batch.wave, model.config.frame_samples), fake[:, 0])

    def _crops(self, batch: AcousticBatch, phase: Phase, rng: torch.Generator) -> tuple[Crops, Tensor]:
        """Which stretches are decoded, and the mel [B, 1, F, T] whose style they have."""
        lengths = half_lengths(batch)
        crops = draw_crops(lengths, self.max_frames, rng)
        elsewhere = draw_crops(lengths, max(lengths), rng)
        from_crop = phase.crop_style or not self.networks.model.config.multispeaker
        return crops, (crops if from_crop else elsewhere).of(batch.mel, 2)[:, None]

    def discriminator_losses(self, passed: JointPass) -> dict[str, Tensor]:
        """{"disc": scalar}."""
        return {"disc": self.losses.discriminator(passed.real, passed.fake)}

    def generator_losses(self, passed: JointPass, phase: Phase) -> dict[str, Tensor]:
        """Unweighted scalars, those that the phase has; configs.train_styletts2 names and weighs them."""
        losses = {"mel": self.losses.mel_distance(passed.real, passed.fake), **passed.losses}
        if (second := self.losses.stft_distance(passed.real, passed.fake)) is not None:
            losses["stft"] = second
        if phase.adversarial:
            losses["gen"] = self.losses.adversarial(passed.real, passed.fake)
        if (distance := self.losses.slm_distance(passed.real, passed.fake)) is not None:
            losses["slm"] = distance
        return losses

    @torch.no_grad()
    def validation_losses(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """Of whole clips, each under its own style.

        "mel" with predicted pitch and energy on the recorded alignment, "mel_recorded" with recorded ones;
        "f0" and "norm" as in training; "f0_voiced" mean distance where the recording is voiced, Hz; "dur"
        mean distance per token, frames; "length" distance of the whole duration, as a share of the
        recording's.
        """
        networks, model = self.networks, self.networks.model
        real, recorded = reconstruct(networks, batch)
        read = self._read(batch)
        aligned = align(networks, batch, None)
        prosodic = model.predictor_encoder(batch.mel[:, None])
        d = model.predictor.encode(read.d_en, prosodic, read.lengths)
        curves = model.predictor.pitch_and_energy(d.transpose(1, 2) @ aligned.path.to(d.dtype), prosodic)
        text = model.text_encoder(batch.tokens, read.lengths)
        fake = model.decoder(
            text @ aligned.path.to(text.dtype),
            curves.f0_hz,
            curves.energy,
            model.style_encoder(batch.mel[:, None]),
            rng=torch.Generator().manual_seed(0),
        )
        f0_hz = recorded_pitch(networks, batch.mel, batch.f0_hz)
        voiced = f0_hz > VOICED_ABOVE_HZ
        durations = predicted_durations(model.predictor.duration_logits(d, read.lengths).float())
        durations_given = aligned.path.sum(2)
        totals = (durations * read.mask).sum(1), durations_given.sum(1)
        return {
            "mel": self.losses.mel_distance(real, fake),
            "mel_recorded": self.losses.mel_distance(real, recorded),
            **_curve_losses(curves, f0_hz, log_norm(batch.mel)),
            "f0_voiced": ((curves.f0_hz - f0_hz).abs() * voiced).sum() / voiced.sum().clamp(min=1),
            "dur": ((durations - durations_given).abs() * read.mask).sum() / read.mask.sum(),
            "length": ((totals[0] - totals[1]).abs() / totals[1]).mean(),
        }

    def _read(self, batch: AcousticBatch) -> _Read:
        model = self.networks.model
        lengths = torch.tensor(batch.token_lengths)
        mask = sequence_mask(lengths, batch.tokens.shape[1]).to(batch.tokens.device, non_blocking=True)
        bert = model.bert(batch.tokens, mask)
        return _Read(lengths, mask, bert, model.bert_encoder(bert).transpose(1, 2))

    def _duration_losses(self, d: Tensor, aligned: Aligned, read: _Read) -> dict[str, Tensor]:
        logits = self.networks.model.predictor.both_duration_logits(d, read.lengths)
        durations_given, lengths = aligned.path.sum(2), read.lengths.to(d.device)
        with full_precision(d):
            losses = duration_losses(logits.dropped, durations_given, lengths)
            length = length_loss(predicted_durations(logits.whole.float()), durations_given, lengths)
        return {"dur": losses.l1, "length": length, "ce": losses.cross_entropy}

    def _diffusion_losses(
        self, batch: AcousticBatch, prosodic: Tensor, read: _Read, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """`sty`: distance of a style drawn for the text; `diff`: of the denoised style.

        `sigma_data` is no loss: the spread of the batch's styles, of whose mean speaking makes use.
        """
        model = self.networks.model
        with torch.no_grad():
            acoustic = model.style_encoder.encode_ragged(batch.mel, batch.mel_lengths)
            style = torch.cat((acoustic, prosodic), dim=1).float()
        features = reference_style(self.networks, batch)
        spread = style_spread(style)
        drawn = draw_style(self.networks, read.bert, read.mask, features, spread, rng)
        draws = model.diffusion.draw(len(style), rng)
        loss = model.diffusion.loss(
            style, read.bert, draws, mask=read.mask, features=features, sigma_data=spread
        )
        return {"sty": functional.l1_loss(drawn.float(), style), "diff": loss, "sigma_data": spread}


def _curve_losses(curves: PitchEnergy, f0_hz: Tensor, energy: Tensor) -> dict[str, Tensor]:
    """Distance of pitch, Hz / 10 with 0 for unvoiced, and of energy, over all frames."""
    return {
        "f0": functional.smooth_l1_loss(curves.f0_hz.float(), f0_hz.float()) / 10,
        "norm": functional.smooth_l1_loss(curves.energy.float(), energy),
    }


@torch.no_grad()
def reference_style(networks: Networks, batch: AcousticBatch) -> Tensor | None:
    """[B, 2 style_dim] of the batch's reference clips; None for a single-speaker model."""
    if not networks.config.multispeaker:
        return None
    assert batch.reference_mel is not None
    return networks.model.encode_reference(batch.reference_mel, batch.reference_lengths)


def style_spread(style: Tensor) -> Tensor:
    """Mean over the rows of [B, S] of their spread, which diffusion takes for that of all styles."""
    return style.std(dim=1).mean().clamp(min=_LEAST_SPREAD)


_LEAST_SPREAD = 1e-3
"""Styles of a network that has learnt nothing may all be one; the scalings divide by their spread."""


def draw_style(
    networks: Networks,
    bert: Tensor,
    mask: Tensor,
    features: Tensor | None,
    spread: Tensor,
    rng: torch.Generator,
) -> Tensor:
    """[B, 2 style_dim] drawn for texts in a few steps, as many as published, with its graph."""
    levels = int(torch.randint(*_LEVELS, (), generator=rng, device=rng.device))
    width = networks.config.full_style
    noise = torch.randn(len(bert), width, generator=rng, device=rng.device).to(bert.device)
    return networks.model.diffusion.sample(
        noise, bert, steps=levels, mask=mask, features=features, rng=rng, sigma_data=spread
    )


_LEVELS = (3, 5)
"""Noise levels: at least so many, and fewer than."""
