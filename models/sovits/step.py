"""One SoVITS training step: a batch in, named losses out. No optimiser, no loop, no device policy.

The order of an adversarial step, as in GPT-SoVITS's `s2_train.py`:

    pass_ = step.forward_generator(batch, generator_rng)
    total(step.discriminator_losses(pass_)).backward(); discriminator update
    total(step.generator_losses(pass_)).backward(); generator update

`generator_losses` runs the updated discriminator, with its parameters frozen and the real features without a
graph, so the second backward pass leaves no gradient in the discriminator.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.mel import log_mel, mel_from_linear
from models.layers.freezing import frozen
from models.layers.masking import slice_frames
from models.losses.adversarial import (
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
)
from models.losses.divergence import gaussian_kl
from models.losses.weighting import weighted_total
from models.sovits.config import SovitsConfig
from models.sovits.model import GeneratorOutput, SovitsGenerator

LOW_RATE_PARTS = ("enc_p.text_embedding", "enc_p.encoder_text", "enc_p.mrte")
"""Parts that GPT-SoVITS trains at `text_low_lr_rate` (0.4) of the learning rate."""


class SovitsBatch(NamedTuple):
    """One padded batch; everything beyond a row's length is 0. All tensors on one device."""

    ssl: Tensor
    """[B, D, T] content features at the spectrogram's frame rate (50 Hz)."""
    spec: Tensor
    """[B, F, T] linear magnitude spectrogram."""
    spec_lengths: Tensor
    """[B] int64, frames."""
    wave: Tensor
    """[B, 1, T * hop_samples] the recording the spectrogram was made of, in +-1."""
    phone_ids: Tensor
    """[B, L] int64."""
    phone_lengths: Tensor
    """[B] int64."""
    speaker_vector: Tensor | None
    """[B, 20480] outside speaker vector (v2Pro), else None."""
    utterance_ids: tuple[str, ...]


class GeneratorPass(NamedTuple):
    """What one run of the generator leaves for both updates."""

    wave_real: Tensor
    """[B, 1, S] the recording at the chosen segment."""
    wave_fake: Tensor
    """[B, 1, S] the generator's segment, with its graph."""
    mel_real: Tensor
    """[B, M, S / hop] log-mel of the segment, cut out of the whole clip's spectrogram."""
    kl_ssl: Tensor
    """Scalar: the quantiser's commitment loss, 0 while it is frozen."""
    kl: Tensor
    """Scalar: divergence of posterior and prior per frame."""


class SovitsStep:
    """Generator, discriminator and the arithmetic between them.

    Args:
        generator, discriminator: on the same device, in the mode (train or eval) the caller wants.
        weights: weight of each generator loss, see configs.train_sovits; the factor 2 of feature matching is
            inside that loss.
    """

    def __init__(
        self,
        generator: SovitsGenerator,
        discriminator: MultiPeriodDiscriminator,
        weights: Mapping[str, float],
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.weights = dict(weights)
        self.config = generator.config

    def forward_generator(self, batch: SovitsBatch, generator_rng: torch.Generator) -> GeneratorPass:
        """Draw the posterior noise and one segment per row from `generator_rng`, and run the generator."""
        config = self.config
        noise, starts = draw_noise_and_segments(batch, config, generator_rng)
        return self.forward_generator_with(batch, noise, starts)

    def forward_generator_with(
        self, batch: SovitsBatch, posterior_noise: Tensor, segment_starts: Tensor
    ) -> GeneratorPass:
        """As `forward_generator` with given noise [B, C, T] and first frames [B] of the segments."""
        config = self.config
        out = self.generator(
            batch.ssl,
            batch.spec,
            batch.spec_lengths,
            batch.phone_ids,
            batch.phone_lengths,
            speaker_vector=batch.speaker_vector,
            posterior_noise=posterior_noise,
            segment_starts=segment_starts,
        )
        spec = slice_frames(batch.spec, segment_starts, config.segment_frames)
        return GeneratorPass(
            wave_real=slice_frames(batch.wave, segment_starts * config.hop_samples, config.segment_samples),
            wave_fake=out.wave,
            mel_real=self._mel_of_spectrogram(spec),
            kl_ssl=out.commitment,
            kl=gaussian_kl(out.z_p, out.logs_q, out.m_p, out.logs_p, out.frame_mask),
        )

    def discriminator_losses(self, pass_: GeneratorPass) -> dict[str, Tensor]:
        """{"discriminator": scalar}: least squares on the real and the detached generated segment."""
        real, fake = self.discriminator(pass_.wave_real, pass_.wave_fake.detach())
        return {"discriminator": discriminator_loss(real.scores, fake.scores)}

    def generator_losses(self, pass_: GeneratorPass) -> dict[str, Tensor]:
        """Unweighted scalars by the names of the weights."""
        with frozen(self.discriminator):
            with torch.no_grad():
                real = self.discriminator.judge(pass_.wave_real)
            fake = self.discriminator.judge(pass_.wave_fake)
        return {
            "adversarial": generator_loss(fake.scores),
            "feature_matching": feature_matching_loss(real.features, fake.features),
            "mel": functional.l1_loss(self._mel_of_wave(pass_.wave_fake), pass_.mel_real),
            "kl_ssl": pass_.kl_ssl,
            "kl": pass_.kl,
        }

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The generator losses added up by their weights."""
        return weighted_total(losses, self.weights)

    @torch.no_grad()
    def validation_losses(self, batch: SovitsBatch) -> dict[str, Tensor]:
        """{"mel", "kl", "kl_ssl"} of whole utterances, without dropout or codebook updates.

        "mel" is the mean absolute log-mel distance between the recording and its resynthesis through the
        posterior's mean, over the frames that exist. "kl" is the training loss's estimate, from posterior
        samples that are the same at every call: at the mean it would lack the samples' spread.
        """
        was_training = self.generator.training
        self.generator.eval()
        out = reconstructed(self.generator, batch)
        noise, starts = draw_noise_and_segments(batch, self.config, torch.Generator().manual_seed(0))
        sampled = self.forward_generator_with(batch, noise, starts)
        self.generator.train(was_training)
        mel_real = self._mel_of_spectrogram(batch.spec)
        distance = (self._mel_of_wave(out.wave) - mel_real).abs() * out.frame_mask
        return {
            "mel": distance.sum() / (out.frame_mask.sum() * self.config.n_mels),
            "kl": sampled.kl,
            "kl_ssl": out.commitment,
        }

    # The mel arithmetic stays in fp32 under autocast: a half-precision spectrogram is useless as a target.

    def _mel_of_wave(self, wave: Tensor) -> Tensor:
        """[B, 1, S] -> log-mel [B, M, S / hop]."""
        with torch.autocast(wave.device.type, enabled=False):
            return log_mel(wave[:, 0].float(), self.config.spectrogram)

    def _mel_of_spectrogram(self, spec: Tensor) -> Tensor:
        """[B, F, T] -> log-mel [B, M, T]."""
        with torch.autocast(spec.device.type, enabled=False):
            return mel_from_linear(spec.float(), self.config.spectrogram)


def reconstructed(generator: SovitsGenerator, batch: SovitsBatch) -> GeneratorOutput:
    """Whole clips through the posterior's mean (`SovitsGenerator.reconstruct`)."""
    return generator.reconstruct(
        batch.ssl,
        batch.spec,
        batch.spec_lengths,
        batch.phone_ids,
        batch.phone_lengths,
        speaker_vector=batch.speaker_vector,
    )


def draw_noise_and_segments(
    batch: SovitsBatch, config: SovitsConfig, generator_rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Posterior noise [B, C, T] and the first frame [B] of each row's segment.

    Numbers are drawn where `generator_rng` lives and then moved, so a CPU generator gives the same run on
    every device. A row shorter than a segment starts at 0 and is padded with silence.
    """
    n_rows, _, n_frames = batch.spec.shape
    device = batch.spec.device
    noise = torch.randn(
        n_rows, config.latent_channels, n_frames, generator=generator_rng, device=generator_rng.device
    )
    share = torch.rand(n_rows, generator=generator_rng, device=generator_rng.device)
    last_start = (batch.spec_lengths - config.segment_frames).clamp(min=0)
    starts = (share.to(device) * (last_start + 1)).long()
    return noise.to(device), starts


def generator_parameter_groups(
    generator: nn.Module, learning_rate: float, text_rate_factor: float = 0.4
) -> list[dict[str, object]]:
    """Optimiser groups `{"params", "lr"}`: the text side, last, at `text_rate_factor` of the rate."""
    low: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in generator.named_parameters():
        if not parameter.requires_grad:
            continue
        (low if name.startswith(LOW_RATE_PARTS) else rest).append(parameter)
    return [
        {"params": rest, "lr": learning_rate},
        {"params": low, "lr": learning_rate * text_rate_factor},
    ]
