"""The adversary of StyleTTS 2 that hears free-running synthesis through a speech language model.

Text, the batch's or another, a style drawn for it, durations that a gradient passes through, prosody,
waveform: only the verdict on the result trains the predictor, PL-BERT and the diffusion. The discriminator
hears recordings or the decoder's reconstructions of them, and learns to ignore length and the decoder's
traces. Source: Li et al. 2023, sections 3.2.3 and 3.2.4;
StyleTTS 2's `Modules/slmadv.py`, whose rule for gradients is `scale_gradients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from configs.train_styletts2 import SlmAdversarySettings
from models.acoustics.batch import AcousticBatch
from models.layers.freezing import frozen
from models.layers.precision import full_precision
from models.losses.adversarial import discriminator_loss, generator_loss
from models.losses.durations import soft_alignment
from models.styletts2.joint_step import Reconstructed, draw_style, reference_style, style_spread
from models.styletts2.training import Networks, half_lengths

TRAINED = ("bert", "bert_encoder", "predictor", "diffusion")
"""Networks that learn from the adversary."""
SCALED_DOWN = ("predictor.duration_proj", "predictor.lstm", "diffusion")
"""Parts whose gradients are scaled down."""


def judged_clips(rule: SlmAdversarySettings, batch_size: int) -> int:
    """Clips of a batch that are judged, at most."""
    return -int(-rule.batch_percentage * batch_size // 1)


def can_judge(rule: SlmAdversarySettings, mel_lengths: Sequence[int]) -> bool:
    """Whether a batch of recordings of these lengths, in mel frames, can be judged: it takes two of them."""
    long = sum(length > rule.min_len for length in mel_lengths)
    return min(long, judged_clips(rule, len(mel_lengths))) >= 2


class Judged(NamedTuple):
    """Clips of equal length, [K, S]; they need not say the same."""

    real: Tensor
    fake: Tensor


class SlmAdversary:
    """Free-running synthesis and its judge.

    Args:
        networks: With WavLM and its discriminator.
        rule: Lengths, shares and scales.
        other_texts: Token ids of texts that no clip says; none: the batch's own stand in, in another order.
    """

    def __init__(
        self, networks: Networks, rule: SlmAdversarySettings, other_texts: Sequence[Sequence[int]] = ()
    ) -> None:
        self.networks = networks
        self.rule = rule
        self.other_texts = other_texts

    def synthesize(self, batch: AcousticBatch, rng: torch.Generator) -> Judged | None:
        """Speak the batch's texts, or other ones, and cut clips; None when fewer than two are long.

        Every random number but dropout's is drawn from `rng`.
        """
        networks, model = self.networks, self.networks.model
        if not can_judge(self.rule, batch.mel_lengths):
            return None
        own, imitates = (torch.rand(2, generator=rng, device=rng.device) < 0.5).tolist()
        tokens: Tensor = batch.tokens
        lengths: Sequence[int] = batch.token_lengths
        if not own:
            tokens, lengths = self._others(batch, rng)
        text = model.read(tokens, torch.tensor(lengths))
        with torch.no_grad():
            recorded = model.encode_reference(batch.mel, batch.mel_lengths).float()
        style = recorded
        if not (own and imitates):
            features = reference_style(networks, batch)
            style = draw_style(networks, text.bert, text.mask, features, style_spread(recorded), rng)
        acoustic, prosodic = style.split(model.config.style_dim, dim=1)

        d = model.predictor.encode(text.d_en, prosodic, text.lengths)
        logits = model.predictor.duration_logits(d, text.lengths)
        with full_precision(logits):
            soft = soft_alignment(logits, text.lengths.to(logits.device), self.rule.sigma)
        prosody_frames = d.transpose(1, 2) @ soft.attention.to(d.dtype)
        text_frames = text.t_en.detach() @ soft.attention.to(text.t_en.dtype)

        cuts = self._cuts(soft.lengths, half_lengths(batch), rng)
        if len(cuts.rows) < 2:
            return None
        rows, n = list(cuts.rows), cuts.n_frames
        prosody_frames, text_frames = (
            torch.stack([x[row, :, at : at + n] for row, at in zip(rows, cuts.fake_starts, strict=True)])
            for x in (prosody_frames, text_frames)
        )
        curves = model.predictor.pitch_and_energy(prosody_frames, prosodic[rows])
        with frozen(model.decoder):
            fake = model.decoder(text_frames, curves.f0_hz, curves.energy, acoustic[rows], rng=rng)
        frame = model.config.frame_samples
        real = torch.stack(
            [
                batch.wave[row, at * frame : (at + n) * frame]
                for row, at in zip(rows, cuts.real_starts, strict=True)
            ]
        )
        return Judged(real, fake[:, 0])

    def _others(self, batch: AcousticBatch, rng: torch.Generator) -> tuple[Tensor, Sequence[int]]:
        """For each row a text that its speaker did not say in this way: tokens [B, L] and lengths."""
        rows = len(batch.tokens)
        if not self.other_texts:
            order = torch.randperm(rows, generator=rng, device=rng.device).tolist()
            return batch.tokens[order], [batch.token_lengths[row] for row in order]
        chosen = torch.randint(len(self.other_texts), (rows,), generator=rng, device=rng.device).tolist()
        texts = [torch.tensor(self.other_texts[index]) for index in chosen]
        return pad_sequence(texts, batch_first=True).to(batch.tokens), [len(text) for text in texts]

    def discriminator_losses(
        self, judged: Judged, rebuilt: Reconstructed | None = None, crops: bool = False
    ) -> dict[str, Tensor]:
        """{"slm_disc": scalar}; WavLM and the synthesis take no gradient.

        Args:
            judged: Recordings and synthesis.
            rebuilt: Reconstructions that take the recordings' place. Then the verdict on the longer of both
                is also held to be the same on its beginning, as long as the shorter, and the verdict on a
                recording to be that on its reconstruction.
            crops: With `rebuilt`, whether of the longer one the beginning alone is compared.
        """
        if rebuilt is None:
            real, fake = self._verdicts(torch.cat((judged.real, judged.fake))).chunk(2)
            return {"slm_disc": discriminator_loss([real], [fake])}
        n_samples = min(rebuilt.fake.shape[1], judged.fake.shape[1])
        on_real, on_fake = self._verdicts(rebuilt.fake), self._verdicts(judged.fake)
        on_recording = self._verdicts(rebuilt.real)
        traces = functional.l1_loss(on_recording, on_real)
        if rebuilt.fake.shape[1] > n_samples:
            on_start, whole = self._verdicts(rebuilt.fake[:, :n_samples]), on_real
            on_real = on_start if crops else whole
        else:
            on_start, whole = self._verdicts(judged.fake[:, :n_samples]), on_fake
            on_fake = on_start if crops else whole
        length = functional.l1_loss(on_start, whole[..., : on_start.shape[-1]])
        return {"slm_disc": discriminator_loss([on_real], [on_fake]) + length + traces}

    def _verdicts(self, wave: Tensor) -> Tensor:
        """Of waveforms [K, S]; only the discriminator takes gradients."""
        wavlm, wd = self._judge()
        with torch.no_grad():
            features = wavlm(wave.detach())
        verdicts: Tensor = wd(features.float())
        return verdicts

    def generator_losses(self, judged: Judged) -> dict[str, Tensor]:
        """{"slm_gen": scalar}; the discriminator takes no gradient."""
        wavlm, wd = self._judge()
        with frozen(wd):
            return {"slm_gen": generator_loss([wd(wavlm(judged.fake).float())])}

    def _judge(self) -> tuple[nn.Module, nn.Module]:
        wavlm, wd = self.networks.wavlm, self.networks.wd
        assert wavlm is not None and wd is not None
        return wavlm, wd

    def _cuts(self, fake_lengths: Sequence[int], real_lengths: Sequence[int], rng: torch.Generator) -> _Cuts:
        """Which rows are judged, and where in them; all lengths in frames of 25 ms."""
        n_frames = min(max(min(fake_lengths) // 2 - 1, self.rule.min_len // 2), self.rule.max_len // 2)
        long = [
            row
            for row, both in enumerate(zip(fake_lengths, real_lengths, strict=True))
            if min(both) > n_frames
        ]
        rows = long[: judged_clips(self.rule, len(fake_lengths))]
        shares = torch.rand(2, len(fake_lengths), generator=rng, device=rng.device).tolist()
        starts = [
            tuple(int(share[row] * (lengths[row] - n_frames)) for row in rows)
            for share, lengths in zip(shares, (fake_lengths, real_lengths), strict=True)
        ]
        return _Cuts(tuple(rows), starts[0], starts[1], n_frames)


class _Cuts(NamedTuple):
    rows: tuple[int, ...]
    fake_starts: tuple[int, ...]
    real_starts: tuple[int, ...]
    n_frames: int


@torch.no_grad()
def scale_gradients(networks: Networks, rule: SlmAdversarySettings) -> None:
    """Tame the adversary's gradients: by the predictor's norm where that is large, some parts further."""
    named = {
        f"{name}.{key}": parameter.grad
        for name in TRAINED
        for key, parameter in networks.named()[name].named_parameters()
        if parameter.grad is not None
    }
    norm = nn.utils.get_total_norm([g for key, g in named.items() if key.startswith("predictor.")])
    # No host waits for the norm.
    factor = torch.where(norm > rule.thresh, 1 / norm, torch.ones_like(norm))
    for key, gradient in named.items():
        gradient.mul_(factor * (rule.scale if key.startswith(SCALED_DOWN) else 1.0))
