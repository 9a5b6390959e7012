"""StyleTTS 2: tokens and a style to a waveform, the style drawn by diffusion or heard in a reference.

Source: Li et al. 2023; StyleTTS 2's `models.py` and its `Demo/` for the order of the parts. The children
carry the names of the published checkpoints' modules.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.acoustics.decoder import Decoder, DecoderConfig
from models.acoustics.durations import delayed, hard_alignment, predicted_durations, whole_frames
from models.acoustics.plbert import PhonemeBert, PhonemeBertConfig
from models.acoustics.prosody import PitchEnergy, ProsodyPredictor
from models.acoustics.style_encoder import StyleEncoder
from models.acoustics.synthesis_parts import SynthesisParts
from models.acoustics.text_encoder import TextEncoder
from models.layers.masking import sequence_mask
from models.styletts2.config import StyleTTS2Config
from models.styletts2.diffusion import StyleDiffusion


class ReadText(NamedTuple):
    """What the text alone tells, before any style."""

    lengths: Tensor
    """[B] tokens, on the CPU."""
    mask: Tensor
    """[B, L] bool, true on real tokens."""
    bert: Tensor
    """[B, L, E] for the diffusion."""
    d_en: Tensor
    """[B, C, L] for the prosody."""
    t_en: Tensor
    """[B, C, L] for the decoder."""


class Prosody(NamedTuple):
    """How a text is to be spoken. Frames are of `frame_samples`."""

    durations: Tensor
    """[B, L] frames, not yet whole."""
    token_frames: Tensor
    """[B, L] int64, 0 on padding."""
    n_frames: tuple[int, ...]
    """Of each row, their sum."""
    curves: PitchEnergy
    """[B, 2 max(n_frames)], 0 past a row's end."""


class StyleNoise(NamedTuple):
    """Standard normal numbers from which a style is drawn."""

    start: Tensor
    """[B, S]"""
    steps: Tensor
    """[steps - 1 or more, B, S]"""


class Synthesis(NamedTuple):
    """What `StyleTTS2.synthesize` returns."""

    waves: tuple[Tensor, ...]
    """One [S_i] per row."""
    style: Tensor
    """[B, 2 style_dim], acoustic half first."""
    prosody: Prosody


class StyleTTS2(nn.Module):
    """See the module's docstring; `config` gives every size."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        self.config = config
        self.bert = PhonemeBert(bert_config(config))
        self.bert_encoder = nn.Linear(config.bert_hidden, config.hidden)
        self.predictor = ProsodyPredictor(
            config.style_dim, config.hidden, config.n_layers, config.max_dur, config.dropout
        )
        self.decoder = Decoder(decoder_config(config))
        self.text_encoder = TextEncoder(
            config.hidden, config.text_kernel, config.n_layers, config.n_symbols, config.dropout
        )
        self.predictor_encoder = StyleEncoder(config.style_dim_in, config.style_dim, config.style_max_dim)
        self.style_encoder = StyleEncoder(config.style_dim_in, config.style_dim, config.style_max_dim)
        self.diffusion = StyleDiffusion(config)

    def read(self, tokens: Tensor, lengths: Tensor) -> ReadText:
        """`tokens` [B, L] int64; `lengths` [B] int64 on the CPU. Raises UserError on too long a text."""
        mask = sequence_mask(lengths, tokens.shape[1]).to(tokens.device, non_blocking=True)
        bert = self.bert(tokens, mask)
        d_en = self.bert_encoder(bert).transpose(1, 2)
        return ReadText(lengths, mask, bert, d_en, self.text_encoder(tokens, lengths))

    def encode_reference(self, mel: Tensor, lengths: Sequence[int]) -> Tensor:
        """Styles [B, 2 style_dim] of recordings' mels [B, F, T]. Raises UserError on too short a mel."""
        encoders = (self.style_encoder, self.predictor_encoder)
        return torch.cat([encoder.encode_ragged(mel, lengths) for encoder in encoders], dim=1)

    def draw_noise(self, rngs: Sequence[torch.Generator], steps: int) -> StyleNoise:
        """Noise for `draw_style`, a row from each of the CPU generators, whatever else is in the batch."""
        width = self.config.full_style
        drawn = torch.stack([torch.randn(steps, width, generator=rng) for rng in rngs], dim=1)
        drawn = drawn.to(self.bert_encoder.weight.device, non_blocking=True)
        return StyleNoise(drawn[0], drawn[1:])

    def draw_style(
        self,
        text: ReadText,
        noise: StyleNoise,
        *,
        steps: int,
        guidance: float = 1.0,
        features: Tensor | None = None,
    ) -> Tensor:
        """Styles [B, 2 style_dim] that fit the text.

        Args:
            steps: noise levels of the diffusion, one more than it takes steps; 3 to 10 are usual.
            guidance: how much further than the network would go towards the text; 1 leaves it.
            features: styles [B, 2 style_dim] of references, for a multi-speaker model.

        Raises:
            UserError: fewer than two steps; `features` given to a model without, or not given to one with.
        """
        return self.diffusion.sample(
            noise.start,
            text.bert,
            steps=steps,
            mask=text.mask,
            features=features,
            guidance=guidance,
            step_noise=noise.steps,
        )

    def predict_prosody(self, text: ReadText, style: Tensor, speed: float | Tensor = 1.0) -> Prosody:
        """Durations and curves under a whole style [B, 2 style_dim].

        speed: of everything, or of each token [B, L]; above 1 is faster.
        """
        prosodic = style[:, self.config.style_dim :]
        d = self.predictor.encode(text.d_en, prosodic, text.lengths)
        durations = predicted_durations(self.predictor.duration_logits(d, text.lengths), speed)
        last = (text.lengths - 1).to(durations.device)[:, None]
        token_frames = whole_frames(durations) * text.mask
        token_frames = token_frames.scatter_add(1, last, torch.full_like(last, self.config.trailing_frames))
        lengths = token_frames.sum(1).cpu()
        alignment = hard_alignment(token_frames, int(lengths.max())).to(d.dtype)
        en = delayed(d.transpose(1, 2) @ alignment, self.config.frame_delay)
        curves = self.predictor.pitch_and_energy(en, prosodic, lengths)
        return Prosody(durations, token_frames, tuple(lengths.tolist()), curves)

    def decode(
        self,
        text: ReadText,
        style: Tensor,
        prosody: Prosody,
        *,
        har: Sequence[Tensor] | None = None,
        rngs: Sequence[torch.Generator] | None = None,
    ) -> tuple[Tensor, ...]:
        """Waveforms [S_i], row by row, since the decoder's norms would hear padding.

        Args:
            har: source features of each row, in place of those that the pitch gives.
            rngs: of each row's source noise; None is torch's own.
        """
        acoustic = style[:, : self.config.style_dim]
        waves = []
        for row, n_frames in enumerate(prosody.n_frames):
            alignment = hard_alignment(prosody.token_frames[row : row + 1], n_frames).to(text.t_en.dtype)
            waves.append(
                self.decoder(
                    delayed(text.t_en[row : row + 1] @ alignment, self.config.frame_delay),
                    prosody.curves.f0_hz[row : row + 1, : 2 * n_frames],
                    prosody.curves.energy[row : row + 1, : 2 * n_frames],
                    acoustic[row : row + 1],
                    har=None if har is None else har[row],
                    rng=None if rngs is None else rngs[row],
                )[0, 0]
            )
        return tuple(waves)

    @torch.no_grad()
    def synthesize(
        self,
        tokens: Tensor,
        lengths: Tensor,
        *,
        style: Tensor | None = None,
        noise: StyleNoise | None = None,
        steps: int = 5,
        guidance: float = 1.0,
        features: Tensor | None = None,
        speed: float = 1.0,
        har: Sequence[Tensor] | None = None,
        rngs: Sequence[torch.Generator] | None = None,
    ) -> Synthesis:
        """Speak `tokens` [B, L] in a given `style` [B, 2 style_dim], or in one drawn from `noise`.

        A row's speech does not depend on what else is in the batch. Other arguments as `draw_style`'s,
        `predict_prosody`'s and `decode`'s.

        Raises:
            ValueError: neither or both of `style` and `noise`.
            UserError: as `read` and `draw_style`.
        """
        if (style is None) == (noise is None):
            raise ValueError("give either a style or the noise to draw one from")
        text = self.read(tokens, lengths)
        if noise is not None:
            style = self.draw_style(text, noise, steps=steps, guidance=guidance, features=features)
        assert style is not None
        prosody = self.predict_prosody(text, style, speed)
        return Synthesis(self.decode(text, style, prosody, har=har, rngs=rngs), style, prosody)

    def synthesis_parts(self) -> SynthesisParts:
        """What becomes of the model outside torch: everything but encoders of references and diffusion."""
        config = self.config
        return SynthesisParts(
            self.bert,
            self.bert_encoder,
            self.predictor,
            self.text_encoder,
            self.decoder,
            config.style_dim,
            config.trailing_frames,
            config.frame_delay,
        )


def bert_config(config: StyleTTS2Config) -> PhonemeBertConfig:
    """Sizes of PL-BERT."""
    return PhonemeBertConfig(
        n_symbols=config.n_symbols,
        embedding=config.bert_embedding,
        hidden=config.bert_hidden,
        heads=config.bert_heads,
        intermediate=config.bert_intermediate,
        layers=config.bert_layers,
        positions=config.bert_positions,
    )


def decoder_config(config: StyleTTS2Config) -> DecoderConfig:
    """Sizes of the decoder."""
    return DecoderConfig(
        kind=config.decoder,
        sample_rate=config.sample_rate,
        hop_samples=config.hop_samples,
        channels=config.hidden,
        style_dim=config.style_dim,
        hidden=config.decoder_hidden,
        text_channels=config.decoder_text,
        upsample_rates=config.upsample_rates,
        upsample_kernels=config.upsample_kernels,
        upsample_initial=config.upsample_initial,
        resblock_kernels=config.resblock_kernels,
        resblock_dilations=config.resblock_dilations,
        istft_n_fft=config.istft_n_fft,
        istft_hop=config.istft_hop,
    )
