"""Kokoro: tokens and a voice's row to a waveform, for training and for speaking by one path.

Source: the official package, kokoro 0.9.4 (`kokoro/model.py`), for the order of the parts. It computes
batches of one without gradients; here rows have lengths, every one of them is what it is alone, and gradients
pass. The children carry the names of the released file.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.crops import Crops, draw_crops
from models.acoustics.decoder import Decoder
from models.acoustics.durations import hard_alignment, predicted_durations, whole_frames
from models.acoustics.plbert import PhonemeBert
from models.acoustics.prosody import PitchEnergy, ProsodyPredictor
from models.acoustics.synthesis_parts import SynthesisParts
from models.acoustics.text_encoder import TextEncoder
from models.kokoro.config import KokoroConfig
from models.layers.masking import sequence_mask


class Segment(NamedTuple):
    """What to decode in place of whole rows: a stretch of each, all of one length."""

    n_frames: int
    """Of 25 ms, at most; the shortest row may have fewer."""
    rng: torch.Generator
    """Of the places, the curves' smoothing and the source's noise."""


class TrainingOutput(NamedTuple):
    """What `Kokoro.forward_train` returns; L tokens, T frames of `frame_samples`, the longest row's."""

    audio: Tensor
    """[B, 1, S], whole rows followed by 0, or the stretches of a `Segment`."""
    crops: Crops
    """The frames that `audio` is of; its `n_frames` is the longest row's where rows are whole."""
    duration_logits: Tensor
    """[B, L, max_dur]."""
    durations: Tensor
    """[B, L] frames as predicted, not yet whole."""
    token_frames: Tensor
    """[B, L] int64 as spoken: the teacher's or the predicted; 0 on padding."""
    n_frames: tuple[int, ...]
    """Of each row."""
    curves: PitchEnergy
    """[B, 2 T] as predicted, 0 past a row's end."""
    alignment: Tensor
    """[B, L, T] of 0 and 1."""


class Kokoro(nn.Module):
    """See the module's docstring; `config` gives every size."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.config = config
        self.bert = PhonemeBert(config.bert)
        self.bert_encoder = nn.Linear(config.bert.hidden, config.hidden)
        self.predictor = ProsodyPredictor(
            config.style_dim, config.hidden, config.n_layers, config.max_dur, config.dropout
        )
        self.decoder = Decoder(config.decoder)
        self.text_encoder = TextEncoder(
            config.hidden, config.text_kernel, config.n_layers, config.n_symbols, config.dropout
        )

    def forward_train(
        self,
        tokens: Tensor,
        lengths: Tensor,
        voice_row: Tensor,
        *,
        teacher_dur: Tensor | None = None,
        teacher_f0: Tensor | None = None,
        teacher_noise: Tensor | None = None,
        teacher_frames: Sequence[int] | None = None,
        speed: float | Tensor = 1.0,
        segment: Segment | None = None,
        har: Sequence[Tensor] | None = None,
        rngs: Sequence[torch.Generator] | None = None,
        decoder_dtype: torch.dtype | None = None,
    ) -> TrainingOutput:
        """Speak with a graph; dropout is the module's mode. A row does not depend on the others.

        The prosody is always predicted; a teacher's takes its place in what is built on it.

        Args:
            tokens: [B, L] int64, 0 at both ends and past a row's end.
            lengths: [B] int64 on the CPU, both ends included.
            voice_row: [B, 2 style_dim], the acoustic half first.
            teacher_dur: [B, L] int64 frames, 0 past a row's end.
            teacher_f0: [B, 2 T] Hz for the decoder, 0 where unvoiced.
            teacher_noise: [B, 2 T] energy for the decoder: what the heads call N is the log of a mel's norm.
            teacher_frames: sums of the rows of `teacher_dur`; None adds them up, and waits for a GPU.
            speed: of predicted durations, or of each token's [B, L]; above 1 is faster.
            segment: None decodes whole rows, one by one, since the decoder's norms would hear padding.
            har: source features of each row, in place of those of the pitch; for whole rows.
            rngs: of each whole row's source noise; None is torch's own.
            decoder_dtype: of whole rows' decoding where that is safe; None the weights'. Timing has its own.

        Raises:
            UserError: more tokens than PL-BERT has positions.
        """
        mask = sequence_mask(lengths, tokens.shape[1]).to(tokens.device, non_blocking=True)
        acoustic, prosodic = voice_row.split(self.config.style_dim, dim=1)
        d_en = self.bert_encoder(self.bert(tokens, mask)).transpose(1, 2)
        d = self.predictor.encode(d_en, prosodic, lengths)
        logits = self.predictor.both_duration_logits(d, lengths)
        durations = predicted_durations(logits.whole, speed)
        token_frames = whole_frames(durations) * mask if teacher_dur is None else teacher_dur
        n_frames = tuple(token_frames.sum(1).tolist() if teacher_frames is None else teacher_frames)
        alignment = hard_alignment(token_frames, max(n_frames)).to(d.dtype)
        prosody_frames = d.transpose(1, 2) @ alignment
        curves = self.predictor.pitch_and_energy(prosody_frames, prosodic, torch.tensor(n_frames))
        asr = self.text_encoder(tokens, lengths) @ alignment
        f0_hz = curves.f0_hz if teacher_f0 is None else teacher_f0
        energy = curves.energy if teacher_noise is None else teacher_noise
        if segment is None:
            crops = Crops((0,) * len(n_frames), max(n_frames))
            audio = self._rows(asr, f0_hz, energy, acoustic, n_frames, har, rngs, decoder_dtype)
        else:
            crops = draw_crops(n_frames, segment.n_frames, segment.rng)
            audio = self._segments(crops, asr, f0_hz, energy, acoustic, segment.rng)
        return TrainingOutput(
            audio, crops, logits.dropped, durations, token_frames, n_frames, curves, alignment
        )

    @torch.no_grad()
    def synthesize(
        self,
        tokens: Tensor,
        lengths: Tensor,
        voice_row: Tensor,
        *,
        speed: float = 1.0,
        har: Sequence[Tensor] | None = None,
        rngs: Sequence[torch.Generator] | None = None,
        decoder_dtype: torch.dtype | None = None,
    ) -> tuple[Tensor, ...]:
        """Waveforms [S_i] of the rows; arguments as `forward_train`'s. The module is in evaluation mode."""
        output = self.forward_train(
            tokens, lengths, voice_row, speed=speed, har=har, rngs=rngs, decoder_dtype=decoder_dtype
        )
        samples = self.config.frame_samples
        return tuple(output.audio[row, 0, : n * samples] for row, n in enumerate(output.n_frames))

    def synthesis_parts(self) -> SynthesisParts:
        """What becomes of the model outside torch; the style is a voice's row."""
        return SynthesisParts(
            self.bert,
            self.bert_encoder,
            self.predictor,
            self.text_encoder,
            self.decoder,
            self.config.style_dim,
        )

    def _segments(
        self,
        crops: Crops,
        asr: Tensor,
        f0_hz: Tensor,
        energy: Tensor,
        acoustic: Tensor,
        rng: torch.Generator,
    ) -> Tensor:
        """A segment of each row as one tensor [B, 1, S]."""
        return self.decoder(crops.of(asr), crops.of(f0_hz, 2), crops.of(energy, 2), acoustic, rng=rng)

    def _rows(
        self,
        asr: Tensor,
        f0_hz: Tensor,
        energy: Tensor,
        acoustic: Tensor,
        n_frames: Sequence[int],
        har: Sequence[Tensor] | None,
        rngs: Sequence[torch.Generator] | None,
        dtype: torch.dtype | None,
    ) -> Tensor:
        """Whole rows as one tensor [B, 1, S], 0 past a row's end."""
        longest = max(n_frames)
        audio = []
        for row, n in enumerate(n_frames):
            one = slice(row, row + 1)
            with nullcontext() if dtype is None else torch.autocast(asr.device.type, dtype):
                wave = self.decoder(
                    asr[one, :, :n],
                    f0_hz[one, : 2 * n],
                    energy[one, : 2 * n],
                    acoustic[one],
                    har=None if har is None else har[row],
                    rng=None if rngs is None else rngs[row],
                )
            audio.append(functional.pad(wave, (0, (longest - n) * self.config.frame_samples)))
        return torch.cat(audio)
