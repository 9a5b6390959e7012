"""Training of Kokoro: from a batch to named losses. No optimiser, no loop.

made = step.forward(batch, share, rng)
step.discriminator_losses(made)            where the phase is adversarial; then update the discriminators
step.generator_losses(made, adversarial)   then update model and voice table

No training code of Kokoro is published; losses are those of StyleTTS 2 (Li et al. 2023), whose networks these
are. Durations are always the recording's, since only then synthesis lies beside it; pitch and energy that the
decoder reads are the recording's in a share of the batches, which the caller lowers as the heads learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.batch import AcousticBatch
from models.acoustics.source import VOICED_ABOVE_HZ
from models.acoustics.wave_losses import WaveLosses
from models.content.wavlm import WavLM
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.frontend.mel import log_norm
from models.kokoro.model import Kokoro, Segment, TrainingOutput
from models.kokoro.voice_table import VoiceTable
from models.layers.masking import sequence_mask
from models.layers.precision import full_precision
from models.losses.durations import duration_losses, length_loss
from models.losses.spectral import MultiResolutionMelLoss

_LEAST_HZ = 20.0
"""Predictions below count as this: the distance in cents to an unvoiced one would be infinite."""
_CENTS_PER_OCTAVE = 1200.0


@dataclass(frozen=True)
class KokoroNetworks:
    """All networks of a run, on one device; those that the run has no use for are None.

    Attributes:
        embeddings: [N, E] of the speakers.
        speakers: Their names, in the same order.
    """

    model: Kokoro
    voice_table: VoiceTable
    embeddings: Tensor
    speakers: tuple[str, ...]
    mpd: MultiPeriodDiscriminator | None = None
    msd: MultiResolutionDiscriminator | None = None
    wavlm: WavLM | None = None

    def named(self) -> dict[str, nn.Module]:
        """Networks with weights to keep, by their names."""
        found: dict[str, nn.Module] = {**dict(self.model.named_children()), "voice_table": self.voice_table}
        return found | self.judges()

    def judges(self) -> dict[str, nn.Module]:
        """The discriminators that the run has."""
        both = {"mpd": self.mpd, "msd": self.msd}
        return {name: judge for name, judge in both.items() if judge is not None}

    def embeddings_of(self, speakers: tuple[str, ...]) -> Tensor:
        """[B, E] of a batch's rows."""
        return self.embeddings[[self.speakers.index(name) for name in speakers]]


class KokoroPass(NamedTuple):
    """One run of the networks, for both updates."""

    real: Tensor
    """[B, 1, S] of the recording."""
    fake: Tensor
    """[B, 1, S] with its graph."""
    output: TrainingOutput
    batch: AcousticBatch


class KokoroStep:
    """The arithmetic between model, voice table and judges.

    Args:
        networks: On one device.
        distance: Between waveforms, on the same.
        max_len_frames: Longest stretch that is decoded, mel frames.
    """

    def __init__(
        self, networks: KokoroNetworks, distance: MultiResolutionMelLoss, max_len_frames: int
    ) -> None:
        self.networks = networks
        self.max_frames = max_len_frames // 2
        judges = [judge for judge in (networks.mpd, networks.msd) if judge is not None]
        layers = 0 if networks.wavlm is None else networks.wavlm.layers
        self.losses = WaveLosses(distance, judges, networks.wavlm, layers)

    def forward(self, batch: AcousticBatch, share: float, rng: torch.Generator) -> KokoroPass:
        """Speak the batch's texts with the current voices; random numbers but dropout's are from `rng`.

        Args:
            batch: Of recordings.
            share: Probability that the decoder reads the recordings' pitch and energy.
            rng: On the CPU.
        """
        taught = bool(torch.rand((), generator=rng) < share)
        output = self.speak(batch, taught, Segment(self.max_frames, rng))
        frame_samples = self.networks.model.config.frame_samples
        real = output.crops.of(batch.wave, frame_samples)[:, None]
        return KokoroPass(real, output.audio, output, batch)

    def discriminator_losses(self, passed: KokoroPass) -> dict[str, Tensor]:
        """{"disc": scalar}."""
        return {"disc": self.losses.discriminator(passed.real, passed.fake)}

    def generator_losses(self, passed: KokoroPass, adversarial: bool) -> dict[str, Tensor]:
        """Unweighted scalars, those that there are; configs.train_kokoro names and weighs them."""
        losses = {"stft": self.losses.mel_distance(passed.real, passed.fake)}
        with full_precision(passed.fake):
            losses |= prosody_losses(passed.output, passed.batch)
        if adversarial:
            losses["gen"] = self.losses.adversarial(passed.real, passed.fake)
        if (distance := self.losses.slm_distance(passed.real, passed.fake)) is not None:
            losses["slm"] = distance
        return losses

    @torch.no_grad()
    def validation_losses(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """Of whole clips in evaluation mode, each under its speaker's voice, on the recording's durations.

        "stft" with predicted pitch and energy, "stft_recorded" with recorded ones; "f0" mean distance where
        the recording is voiced, cents, to at least 20 Hz where synthesis is not; "f0_voiced" the same where
        both are voiced; "voicing" share of the frames where only one is; "norm" of the energy; "dur" mean
        distance per token, frames; "length" distance of the whole duration, as a share of the recording's.
        """
        output, recorded = (self.speak(batch, taught) for taught in (False, True))
        real = batch.wave[:, None, : output.audio.shape[2]]
        mel = sequence_mask(torch.tensor(batch.mel_lengths), batch.mel.shape[2]).to(batch.mel.device)
        voiced = (batch.f0_hz > VOICED_ABOVE_HZ) & mel
        predicted_hz = output.curves.f0_hz.float().clamp(min=_LEAST_HZ)
        cents = _CENTS_PER_OCTAVE * torch.log2(predicted_hz / batch.f0_hz.clamp(min=_LEAST_HZ)).abs()
        predicted_voiced = (output.curves.f0_hz > VOICED_ABOVE_HZ) & mel
        tokens = _token_mask(batch)
        totals = (output.durations * tokens).sum(1), batch.durations.sum(1)
        return {
            "stft": self.losses.mel_distance(real, output.audio),
            "stft_recorded": self.losses.mel_distance(real, recorded.audio),
            "f0": _mean(cents, voiced),
            "f0_voiced": _mean(cents, voiced & predicted_voiced),
            "voicing": _mean((voiced != predicted_voiced).float(), mel),
            "norm": _mean((output.curves.energy - log_norm(batch.mel)).abs(), mel),
            "dur": _mean((output.durations - batch.durations).abs(), tokens),
            "length": ((totals[0] - totals[1]).abs() / totals[1]).mean(),
        }

    @torch.no_grad()
    def say(self, clip: AcousticBatch, rng: torch.Generator) -> Tensor:
        """[S] of one clip's text by the voice as it is now, nothing of it recorded; noise from `rng`."""
        networks, lengths = self.networks, torch.tensor(clip.token_lengths)
        row = networks.voice_table.rows(networks.embeddings_of(clip.speakers), lengths)
        return networks.model.synthesize(clip.tokens, lengths, row, rngs=[rng])[0]

    def speak(
        self,
        batch: AcousticBatch,
        taught: bool,
        segment: Segment | None = None,
        *,
        pitch_factor: float = 1.0,
    ) -> TrainingOutput:
        """Each text under its speaker's voice, on the recording's durations.

        Args:
            batch: Of recordings.
            taught: Whether the decoder reads the recordings' pitch and energy.
            segment: What to decode; None: whole clips.
            pitch_factor: Of the recordings' pitch, where the decoder reads it.
        """
        networks = self.networks
        lengths = torch.tensor(batch.token_lengths)
        voice = networks.voice_table.rows(networks.embeddings_of(batch.speakers), lengths)
        # The same source noise at each call: validations differ by the weights alone.
        rngs = [torch.Generator().manual_seed(row) for row in range(len(lengths))]
        return networks.model.forward_train(
            batch.tokens,
            lengths,
            voice,
            teacher_dur=batch.durations,
            teacher_f0=batch.f0_hz * pitch_factor if taught else None,
            teacher_noise=log_norm(batch.mel) if taught else None,
            teacher_frames=[length // 2 for length in batch.mel_lengths],
            segment=segment,
            rngs=None if segment is not None else rngs,
        )


def prosody_losses(output: TrainingOutput, batch: AcousticBatch) -> dict[str, Tensor]:
    """Durations, pitch and energy against the recordings', in fp32.

    `dur`: L1 of durations, frames; `length`: L1 of their sum, frames per token; `ce`: cross-entropy of their
    bins; `f0`: smooth L1 of the pitch where the recording is voiced, Hz / 10; `unvoiced`: the same where it
    is not, towards 0, which is how the decoder is told; `norm`: smooth L1 of the energy. Padding counts
    nowhere.
    """
    lengths = torch.tensor(batch.token_lengths)
    durations = duration_losses(output.duration_logits, batch.durations, lengths)
    real = sequence_mask(torch.tensor(batch.mel_lengths), batch.mel.shape[2]).to(batch.mel.device)
    voiced = batch.f0_hz > VOICED_ABOVE_HZ
    pitch = functional.smooth_l1_loss(output.curves.f0_hz.float(), batch.f0_hz, reduction="none") / 10
    energy = functional.smooth_l1_loss(output.curves.energy.float(), log_norm(batch.mel), reduction="none")
    return {
        "f0": _mean(pitch, voiced & real),
        "unvoiced": _mean(pitch, ~voiced & real),
        "norm": _mean(energy, real),
        "dur": durations.l1,
        "length": length_loss(output.durations, batch.durations, lengths),
        "ce": durations.cross_entropy,
    }


def _token_mask(batch: AcousticBatch) -> Tensor:
    """[B, L] bool, true on real tokens."""
    return sequence_mask(torch.tensor(batch.token_lengths), batch.tokens.shape[1]).to(batch.tokens.device)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is true; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
