"""The SoVITS generator: semantic codes, phones and a reference's style to a waveform.

Source: GPT-SoVITS `module/models.py` (SynthesizerTrn, v1 to v2ProPlus), itself VITS (Kim et al. 2021) with
quantised self-supervised features in the prior. Module names are those of published weights.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.layers.masking import sequence_mask, slice_frames
from models.sovits.config import SovitsConfig
from models.sovits.encoders import PosteriorEncoder, PriorEncoder
from models.sovits.flow import CouplingFlow
from models.sovits.hifigan import HifiGan
from models.sovits.quantize import Quantized, ResidualQuantizer
from models.sovits.style import StyleEncoder


class GeneratorOutput(NamedTuple):
    """A training pass; latents are [B, C, T]."""

    wave: Tensor
    """[B, 1, S]"""
    z: Tensor
    z_p: Tensor
    m_p: Tensor
    logs_p: Tensor
    m_q: Tensor
    logs_q: Tensor
    frame_mask: Tensor
    """[B, 1, T] of 0 and 1."""
    quantized: Tensor
    """[B, D, T] content after the codebook, at the spectrogram's frame rate."""
    commitment: Tensor
    """Scalar, 0 while the quantiser is frozen."""


class _Latents(NamedTuple):
    style: Tensor
    output: GeneratorOutput


class SovitsGenerator(nn.Module):
    """See the module's docstring; `config` gives every size."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.config = config
        style = config.style_channels
        self.enc_p = PriorEncoder(config)
        self.enc_q = PosteriorEncoder(config)
        self.flow = CouplingFlow(
            config.latent_channels,
            config.hidden_channels,
            5,
            config.flow_layers,
            config.n_flows,
            style,
        )
        self.dec = HifiGan(
            config.latent_channels,
            config.upsample_initial,
            config.upsample_rates,
            config.upsample_kernels,
            config.resblock_kernels,
            config.resblock_dilations,
            style,
        )
        self.ref_enc = StyleEncoder(config.style_bins, config.style_hidden, config.style_heads, style)
        # Halves 50 Hz features to the 25 Hz of the semantic codes.
        self.ssl_proj = nn.Conv1d(config.content_channels, config.content_channels, 2, stride=2)
        self.quantizer = ResidualQuantizer(config.codebook_size, config.content_channels)
        if config.freeze_quantizer:
            self.ssl_proj.requires_grad_(False)
        if config.uses_speaker_vector:
            self.sv_emb = nn.Linear(config.speaker_vector_channels, style)
            self.ge_to512 = nn.Linear(style, config.mrte_channels)
            self.prelu = nn.PReLU(style)

    def forward(
        self,
        ssl: Tensor,
        spec: Tensor,
        spec_lengths: Tensor,
        phone_ids: Tensor,
        phone_lengths: Tensor,
        *,
        speaker_vector: Tensor | None,
        posterior_noise: Tensor,
        segment_starts: Tensor,
    ) -> GeneratorOutput:
        """Training pass: the waveform of one segment per row, and both distributions of whole rows.

        Args:
            ssl: [B, D, T] content features; spec: [B, F, T] linear spectrogram; spec_lengths: [B] frames.
            phone_ids: [B, L]; phone_lengths: [B].
            speaker_vector: [B, V] where the config has one.
            posterior_noise: [B, C, T] standard normal; segment_starts: [B] first frame of each segment.
        """
        style, output = self._latents(
            ssl, spec, spec_lengths, phone_ids, phone_lengths, speaker_vector, posterior_noise
        )
        segment = slice_frames(output.z, segment_starts, self.config.segment_frames)
        return output._replace(wave=self.dec(segment, style))

    def reconstruct(
        self,
        ssl: Tensor,
        spec: Tensor,
        spec_lengths: Tensor,
        phone_ids: Tensor,
        phone_lengths: Tensor,
        *,
        speaker_vector: Tensor | None,
    ) -> GeneratorOutput:
        """As `forward`, with the posterior's mean for a sample and whole rows' waveform [B, 1, T * hop]."""
        style, output = self._latents(ssl, spec, spec_lengths, phone_ids, phone_lengths, speaker_vector, None)
        return output._replace(wave=self.dec(output.z, style))

    def decode(
        self,
        codes: Tensor,
        phone_ids: Tensor,
        references: Sequence[Tensor],
        *,
        speaker_vectors: Sequence[Tensor] | None = None,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        rng: torch.Generator | None = None,
        prior_noise: Tensor | None = None,
    ) -> Tensor:
        """Synthesis: [B, 1, T * hop_samples] with T = 2 K frames, or int(2 K / speed) + 1.

        Args:
            codes: [B, K] int64 semantic codes at 25 Hz.
            phone_ids: [B, L] int64.
            references: linear spectrograms [1 or B, F, R] whose styles are averaged.
            speaker_vectors: one [1 or B, V] per reference where the config has one.
            speed: above 1 is faster.
            noise_scale: spread of the prior's sample; 0 takes its mean and needs neither `rng` nor noise.
            prior_noise: [B, C, T] standard normal, instead of drawing it from `rng`.

        Raises:
            UserError: no reference, or not one speaker vector per reference, or no source of noise.
        """
        return self.decode_with_style(
            codes,
            phone_ids,
            self.mean_style(references, speaker_vectors),
            speed=speed,
            noise_scale=noise_scale,
            rng=rng,
            prior_noise=prior_noise,
        )

    def decode_with_style(
        self,
        codes: Tensor,
        phone_ids: Tensor,
        style: Tensor,
        *,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        rng: torch.Generator | None = None,
        prior_noise: Tensor | None = None,
        decoder_dtype: torch.dtype | None = None,
    ) -> Tensor:
        """As `decode`, for the style [1 or B, G, 1] of `mean_style`: one voice's sentences share it.

        decoder_dtype: what the vocoder computes in, where not in that of its weights.

        Raises:
            UserError: no source of noise.
        """
        content = self.quantizer.decode(codes[None]).repeat_interleave(2, dim=2)
        prior = self.enc_p(
            content,
            torch.ones_like(content[:, 0], dtype=torch.bool),
            phone_ids,
            torch.ones_like(phone_ids, dtype=torch.bool),
            self._text_style(style),
            speed,
        )
        z_p = prior.mean
        if noise_scale != 0.0:
            noise = prior_noise if prior_noise is not None else _normal_like(z_p, rng)
            z_p = z_p + noise * torch.exp(prior.log_std) * noise_scale
        z = self.flow(z_p, prior.frame_mask, style, reverse=True)
        with nullcontext() if decoder_dtype is None else torch.autocast(z.device.type, decoder_dtype):
            wave = self.dec(z * prior.frame_mask, style)
        return wave.to(z.dtype)

    def extract_codes(self, ssl: Tensor) -> Tensor:
        """Content features [B, D, T] at 50 Hz -> semantic codes [B, T // 2] int64 at 25 Hz."""
        return self.quantizer.encode(self.ssl_proj(ssl))[0]

    @torch.no_grad()
    def initialize_codebook(self, clips: Sequence[Tensor], rng: torch.Generator) -> None:
        """Set the codebook by k-means of all clips' features [D, T]: training from nothing needs it once."""
        vectors = [self.ssl_proj(clip[None].to(self.ssl_proj.weight))[0].T for clip in clips]
        self.quantizer.fit(torch.cat(vectors), rng)

    def style(self, spec: Tensor, lengths: Tensor, speaker_vector: Tensor | None) -> Tensor:
        """Linear spectrogram [B, F, T] -> style vector [B, G, 1].

        Raises:
            UserError: the speaker vector is missing where the config has one, or given where it has none.
        """
        if (speaker_vector is not None) != self.config.uses_speaker_vector:
            raise UserError(
                f"sovits {self.config.version}: a speaker vector is "
                f"{'needed' if self.config.uses_speaker_vector else 'not used'} by this version"
            )
        mask = sequence_mask(lengths, spec.shape[-1])
        bins = spec[:, : self.config.style_bins] * mask[:, None]
        style = self.ref_enc(bins, mask)
        if speaker_vector is None:
            return style
        return self.prelu(style + self.sv_emb(speaker_vector)[..., None])

    def mean_style(self, references: Sequence[Tensor], speaker_vectors: Sequence[Tensor] | None) -> Tensor:
        """Average style [1 or B, G, 1] of one or several references; arguments as in `decode`."""
        if not references:
            raise UserError("decode: give at least one reference spectrogram")
        vectors = speaker_vectors if speaker_vectors is not None else [None] * len(references)
        if len(vectors) != len(references):
            raise UserError(
                f"decode: {len(references)} references but {len(vectors)} speaker vectors; give one for each"
            )
        styles = [
            self.style(spec, torch.full_like(spec[:, 0, 0], spec.shape[-1], dtype=torch.long), sv)
            for spec, sv in zip(references, vectors, strict=True)
        ]
        return torch.stack(styles).mean(0)

    def _latents(
        self,
        ssl: Tensor,
        spec: Tensor,
        spec_lengths: Tensor,
        phone_ids: Tensor,
        phone_lengths: Tensor,
        speaker_vector: Tensor | None,
        posterior_noise: Tensor | None,
    ) -> _Latents:
        mask = sequence_mask(spec_lengths, spec.shape[-1])
        frames = mask[:, None].to(spec.dtype)
        style = self.style(spec, spec_lengths, speaker_vector)
        quantized = self._quantize(ssl, mask)
        content = quantized.vectors.repeat_interleave(2, dim=2)
        content = content[..., : spec.shape[-1]]
        prior = self.enc_p(
            content,
            mask,
            phone_ids,
            sequence_mask(phone_lengths, phone_ids.shape[1]),
            self._text_style(style),
        )
        posterior = self.enc_q(spec, frames, style, posterior_noise)
        output = GeneratorOutput(
            wave=spec.new_zeros(0),
            z=posterior.z,
            z_p=self.flow(posterior.z, frames, style),
            m_p=prior.mean,
            logs_p=prior.log_std,
            m_q=posterior.mean,
            logs_q=posterior.log_std,
            frame_mask=frames,
            quantized=content,
            commitment=quantized.commitment,
        )
        return _Latents(style, output)

    def _quantize(self, ssl: Tensor, mask: Tensor) -> Quantized:
        """Content [B, D, T] to codes at half the rate, in fp32: near ties must not depend on precision."""
        n_odd = ssl.shape[-1] % 2
        ssl = functional.pad(ssl, (0, n_odd), mode="replicate") if n_odd else ssl
        halves = functional.pad(mask, (0, n_odd))[:, ::2]
        frozen = self.config.freeze_quantizer
        with (
            torch.autocast(ssl.device.type, enabled=False),
            torch.set_grad_enabled(torch.is_grad_enabled() and not frozen),
        ):
            projected = self.ssl_proj(ssl.float())
            quantized = self.quantizer(projected, halves, learn=self.training and not frozen)
        if frozen:
            return quantized._replace(commitment=torch.zeros_like(quantized.commitment))
        return quantized

    def _text_style(self, style: Tensor) -> Tensor:
        """The style at the width of the text attention, [B, M, 1]."""
        if not self.config.uses_speaker_vector:
            return style
        return self.ge_to512(style.transpose(1, 2)).transpose(1, 2)


def _normal_like(x: Tensor, rng: torch.Generator | None) -> Tensor:
    if rng is None:
        raise UserError("decode: noise_scale is not 0, so give `rng` or `prior_noise`")
    return torch.randn(x.shape, generator=rng, device=rng.device).to(x)
