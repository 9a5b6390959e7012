"""Fitting voices to recordings for Kokoro as it is published: from a batch to named losses.

The decoder hears the recording's own timing, pitch and energy, so the acoustic half learns timbre and nothing
else; the prosodic half learns level and range of pitch, energy and tempo from the predictor alone. Of the
network's weights at most biases of the decoder have a gradient, and what precedes the voice is computed once
per clip.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.acoustics.batch import AcousticBatch
from models.acoustics.crops import Crops, draw_crops
from models.acoustics.durations import hard_alignment, predicted_durations
from models.acoustics.prosody import PitchEnergy
from models.acoustics.source import VOICED_ABOVE_HZ
from models.frontend.mel import log_norm
from models.kokoro.decoder_biases import DecoderBiases
from models.kokoro.fitted_voice import FittedVoices
from models.kokoro.model import Kokoro
from models.kokoro.voice_table import row_index
from models.layers.masking import sequence_mask
from models.losses.durations import length_loss
from models.losses.spectral import MultiResolutionMelLoss
from models.speaker.likeness import SpeakerLikeness

_SEMITONES_PER_OCTAVE = 12.0
_DISTANCE_SHARE = 0.5
"""What the spectral distance weighs beside the similarity where voices are compared."""
_HEARD_CROPS = 2
"""Of a held-out clip, in lengths of a step's crop."""
_VOICES_AT_ONCE = 9
_FINALISTS = 12
_MIXED = (1, 2, 3, 5)


class _Text(NamedTuple):
    """What precedes the voice for a clip's text; L tokens, T frames of 25 ms."""

    features: Tensor
    """[C, L] of PL-BERT, which prosody is made of."""
    frames: Tensor
    """[C, T] of the text encoder, on the recording's durations."""


@dataclass(frozen=True)
class FitNetworks:
    """What a run computes with, on one device.

    Attributes:
        model: In evaluation mode, without gradients but those of `biases`.
        voices: What learns.
        likeness: How a speaker is told.
        speakers: Names, in the order of the voices.
        targets: [N, 256] embeddings of the speakers' recordings.
        biases: What learns of the decoder; None where it stays as published.
    """

    model: Kokoro
    voices: FittedVoices
    likeness: SpeakerLikeness
    speakers: tuple[str, ...]
    targets: Tensor
    biases: DecoderBiases | None = None

    def indices(self, speakers: tuple[str, ...]) -> Tensor:
        """[B] int64 of a batch's rows."""
        return torch.tensor([self.speakers.index(name) for name in speakers], device=self.targets.device)


@torch.no_grad()
def nearest_mix(
    step: FitStep,
    clips: Sequence[AcousticBatch],
    tables: Tensor,
    rng: torch.Generator,
    count: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Shares [V] of the mix of voices that is nearest to the speaker of some clips, by `FitStep.scores`.

    All voices say the first clip, the nearest of them the others too; then the means of the best few compete.

    Args:
        clips: Batches of one clip each.
        tables: [V, rows, 2 style_dim].
        rng: Of the crops.
        count: Called with how many renderings more were compared, of `renderings` in all.
    """
    seeds = [int(torch.randint(1 << 30, (), generator=rng)) for _ in clips]

    def scores(of: Tensor, clip: int) -> Tensor:
        # Each comparison on the same crops.
        return step.scores(clips[clip], of, torch.Generator().manual_seed(seeds[clip]), count)

    first = scores(tables, 0)
    near = first.argsort(descending=True)[:_FINALISTS]
    others = [scores(tables[near], clip) for clip in range(1, len(clips))]
    order = near[torch.stack([first[near], *others]).mean(0).argsort(descending=True)]
    mixes = [order[:n] for n in _MIXED if n <= len(order)]
    means = torch.stack([tables[mix].mean(0) for mix in mixes])
    best = mixes[int(torch.stack([scores(means, clip) for clip in range(len(clips))]).mean(0).argmax())]
    shares = torch.zeros(len(tables))
    shares[best.cpu()] = 1.0 / len(best)
    return shares


def renderings(voices: int, clips: int) -> int:
    """How many `nearest_mix` compares."""
    near = min(_FINALISTS, voices)
    return voices + (clips - 1) * near + clips * sum(n <= near for n in _MIXED)


class FitStep:
    """The arithmetic between voices and judges.

    Args:
        networks: On one device.
        distance: Between waveforms, on the same.
        crop_frames: Of 25 ms that the decoder makes of a clip in a step.
        cache_mb: Memory for what precedes the voice, MiB; clips beyond are computed anew each time.
    """

    def __init__(
        self, networks: FitNetworks, distance: MultiResolutionMelLoss, crop_frames: int, cache_mb: int
    ) -> None:
        self.networks = networks
        self.distance = distance
        self.crop_frames = crop_frames
        self._texts: dict[str, _Text] = {}
        self._left_bytes = cache_mb << 20

    def losses(
        self, batch: AcousticBatch, rng: torch.Generator, with_prosody: bool = True
    ) -> dict[str, Tensor]:
        """Unweighted scalars; configs.train_kokoro_fit names and weighs them.

        `mel`: multi-resolution distance of a crop on the recording's timing, pitch and energy; `speaker`: one
        less the crop's similarity to the speaker; `f0`: distance in semitones where both voice; `norm`: of
        the energy; `length`: of a clip's whole duration, frames per token; `mix`, `offset`: how far the
        voices have gone from where they began. `f0`, `norm` and `length` are there `with_prosody` alone.
        """
        networks = self.networks
        speakers, texts = networks.indices(batch.speakers), self._known(batch)
        lengths = torch.tensor(batch.token_lengths)
        rows = networks.voices.rows(speakers, lengths)
        acoustic, prosodic = rows.split(networks.voices.style_dim, dim=1)
        fake, real = self._crop(batch, texts, acoustic, rng)
        found = networks.likeness(fake)
        return {
            "mel": self.distance(fake, real),
            "speaker": 1.0 - (found * networks.targets[speakers]).sum(1).mean(),
            **(self._prosody(batch, texts, prosodic, lengths) if with_prosody else {}),
            "mix": networks.voices.mix_distance(),
            "offset": networks.voices.offset_size(),
        }

    @torch.no_grad()
    def validation_losses(self, batch: AcousticBatch) -> tuple[dict[str, Tensor], Tensor]:
        """Of one held-out clip, and what the voice makes of its text, [S].

        `mel` of the clip's middle with the recording's timing, pitch and energy; `speaker` of the text spoken
        freely, one less the similarity; `f0` in semitones, `norm` and `length` as in training; `score`:
        `speaker` and half of `mel`, by which voices are told better or worse: neither alone is a judge.
        """
        networks = self.networks
        speakers, texts = networks.indices(batch.speakers), self._known(batch)
        lengths = torch.tensor(batch.token_lengths)
        rows = networks.voices.rows(speakers, lengths)
        acoustic, prosodic = rows.split(networks.voices.style_dim, dim=1)
        rng = torch.Generator().manual_seed(0)
        fake, real = self._decoded(batch, texts, acoustic, self._heard(batch), rng)
        spoken = networks.model.synthesize(batch.tokens, lengths, rows, rngs=[rng])[0]
        found = networks.likeness(spoken[None])
        losses = {
            "mel": self.distance(fake, real),
            "speaker": 1.0 - (found * networks.targets[speakers]).sum(),
            **self._prosody(batch, texts, prosodic, lengths),
        }
        return losses | {"score": losses["speaker"] + _DISTANCE_SHARE * losses["mel"]}, spoken

    @torch.no_grad()
    def scores(
        self,
        batch: AcousticBatch,
        tables: Tensor,
        rng: torch.Generator,
        count: Callable[[int], None] = lambda _: None,
    ) -> Tensor:
        """How well voices fit one clip: similarity to its speaker, less half of the spectral distance.

        Args:
            batch: Of the one clip; every voice says the same crop of it, on its timing, pitch and energy.
            tables: [K, rows, 2 style_dim].
            rng: Of the crop.
            count: Called with how many of the K more are done.

        Returns:
            [K], the higher the nearer.
        """
        acoustic = tables[
            :, row_index(torch.tensor(batch.token_lengths))[0], : self.networks.voices.style_dim
        ]
        crops = draw_crops([batch.mel_lengths[0] // 2], self.crop_frames, rng)
        target = self.networks.targets[self.networks.indices(batch.speakers)]
        found = []
        for part in acoustic.split(_VOICES_AT_ONCE):
            text = self._known(batch)[0].frames[None]
            repeated = [
                x.expand(len(part), *x.shape[1:]) for x in (crops.of(text), *self._curves(batch, crops))
            ]
            fake = self.networks.model.decoder(*repeated, part, rng=rng)[:, 0]
            real = crops.of(batch.wave, self.networks.model.config.frame_samples)
            distance = torch.stack([self.distance(one[None], real) for one in fake])
            found.append((self.networks.likeness(fake) * target).sum(1) - _DISTANCE_SHARE * distance)
            count(len(part))
        return torch.cat(found)

    def _heard(self, batch: AcousticBatch) -> Crops:
        """The middle of a clip: twice what a step hears tells versions apart."""
        whole = batch.mel_lengths[0] // 2
        n_frames = min(whole, _HEARD_CROPS * self.crop_frames)
        return Crops(((whole - n_frames) // 2,), n_frames)

    def _crop(
        self, batch: AcousticBatch, texts: list[_Text], acoustic: Tensor, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        crops = draw_crops([length // 2 for length in batch.mel_lengths], self.crop_frames, rng)
        return self._decoded(batch, texts, acoustic, crops, rng)

    def _decoded(
        self, batch: AcousticBatch, texts: list[_Text], acoustic: Tensor, crops: Crops, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Stretches [B, S] as the decoder makes them on the recording's prosody, and as recorded."""
        model = self.networks.model
        frames = pad_sequence([text.frames.T for text in texts], batch_first=True).transpose(1, 2)
        fake = model.decoder(crops.of(frames), *self._curves(batch, crops), acoustic, rng=rng)
        return fake[:, 0], crops.of(batch.wave, model.config.frame_samples)

    @staticmethod
    def _curves(batch: AcousticBatch, crops: Crops) -> tuple[Tensor, Tensor]:
        """Pitch and energy as recorded, [B, 2 T] each."""
        return crops.of(batch.f0_hz, 2), crops.of(log_norm(batch.mel), 2)

    def _prosody(
        self, batch: AcousticBatch, texts: list[_Text], prosodic: Tensor, lengths: Tensor
    ) -> dict[str, Tensor]:
        """Pitch, energy and tempo of the predictor on the recording's durations."""
        predictor = self.networks.model.predictor
        features = pad_sequence([text.features.T for text in texts], batch_first=True).transpose(1, 2)
        d = predictor.encode(features, prosodic, lengths)
        durations = predicted_durations(predictor.duration_logits(d, lengths))
        n_frames = torch.tensor([length // 2 for length in batch.mel_lengths])
        alignment = hard_alignment(batch.durations, int(n_frames.max())).to(d.dtype)
        curves = predictor.pitch_and_energy(d.transpose(1, 2) @ alignment, prosodic, n_frames)
        return {
            **_curve_losses(batch, curves),
            "length": length_loss(durations, batch.durations, lengths),
        }

    @torch.no_grad()
    def _known(self, batch: AcousticBatch) -> list[_Text]:
        """What precedes the voice, of each clip."""
        return [self._text(batch, row) for row in range(len(batch.utterance_ids))]

    def _text(self, batch: AcousticBatch, row: int) -> _Text:
        name = batch.utterance_ids[row]
        if name in self._texts:
            return self._texts[name]
        model, n = self.networks.model, batch.token_lengths[row]
        tokens, lengths = batch.tokens[row : row + 1, :n], torch.tensor([n])
        mask = sequence_mask(lengths, n).to(tokens.device)
        alignment = hard_alignment(batch.durations[row : row + 1, :n], batch.mel_lengths[row] // 2)
        text = _Text(
            model.bert_encoder(model.bert(tokens, mask))[0].T.contiguous(),
            (model.text_encoder(tokens, lengths) @ alignment)[0],
        )
        self._left_bytes -= 4 * (text.features.numel() + text.frames.numel())
        if self._left_bytes >= 0:
            self._texts[name] = text
        return text


def _curve_losses(batch: AcousticBatch, curves: PitchEnergy) -> dict[str, Tensor]:
    """`f0` where recording and voice both are voiced: published Kokoro says no 0 Hz where pitch stages do."""
    mel = sequence_mask(torch.tensor(batch.mel_lengths), batch.mel.shape[2]).to(batch.mel.device)
    spoken_hz = curves.f0_hz.float()
    both = (batch.f0_hz > VOICED_ABOVE_HZ) & (spoken_hz > VOICED_ABOVE_HZ) & mel
    ratio = spoken_hz.clamp(min=VOICED_ABOVE_HZ) / batch.f0_hz.clamp(min=VOICED_ABOVE_HZ)
    semitones = _SEMITONES_PER_OCTAVE * torch.log2(ratio).abs()
    energy = (curves.energy.float() - log_norm(batch.mel)).abs()
    return {"f0": _mean(semitones, both), "norm": _mean(energy, mel)}


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is true; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
