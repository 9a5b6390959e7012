"""Style diffusion: draws a style that fits a text (and a reference), as StyleTTS 2 does.

A transformer sees every token's BERT features beside the same noisy style and answers with the mean of what
it makes of them; the noise level, and in a multi-speaker model the reference's style, are added before every
layer. Around it stand the scalings of EDM (Karras et al. 2022, arXiv:2206.00364). Source: StyleTTS 2's
`Modules/diffusion/` and `models.py`; state-dict keys are those of its checkpoints' `diffusion`.

Where a mask is given, padding is neither attended to nor averaged, so that a style does not depend on what
else is in its batch. The published code has no such mask; without one ours does as it does.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.acoustics.adain import StyledLayerNorm
from models.styletts2.config import StyleTTS2Config
from models.styletts2.sampling import adpm2, karras_sigmas


class DiffusionDraws(NamedTuple):
    """The random numbers of one training loss."""

    sigma: Tensor
    """[B] noise levels."""
    noise: Tensor
    """[B, S] standard normal."""
    hidden: Tensor
    """[B] bool, true where the text is hidden from the network."""


class StyleDiffusion(nn.Module):
    """The denoiser of styles [B, S], S = both halves of a style, given texts [B, L, `bert_hidden`].

    `features` [B, S] is a reference's style; a multi-speaker model needs it and another has no use for it.
    `mask` [B, L] is true on real tokens. `sigma_data`, the spread of styles that the scalings take for
    granted, is the config's unless a call gives another: training estimates it from its batches.

    Raises:
        UserError: `features` are missing or of no use.
    """

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        self.config = config
        self.unet = StyleTransformer(config)
        # Checkpoints hold the one network under both names.
        self.diffusion = nn.ModuleDict({"net": self.unet})

    def draw(self, n_rows: int, rng: torch.Generator) -> DiffusionDraws:
        """Random numbers for `loss`, drawn where `rng` lives."""
        config, device = self.config, rng.device
        level = torch.randn(n_rows, generator=rng, device=device)
        return DiffusionDraws(
            torch.exp(config.diffusion_log_mean + config.diffusion_log_std * level),
            torch.randn(n_rows, config.full_style, generator=rng, device=device),
            torch.rand(n_rows, generator=rng, device=device) < config.diffusion_mask_probability,
        )

    def loss(
        self,
        style: Tensor,
        embedding: Tensor,
        draws: DiffusionDraws,
        *,
        mask: Tensor | None = None,
        features: Tensor | None = None,
        sigma_data: Tensor | float | None = None,
    ) -> Tensor:
        """Weighted squared error of the denoised styles, a scalar in fp32."""
        sigma, noise, hidden = (drawn.to(style.device) for drawn in draws)
        s = self._spread(sigma_data)
        embedding = torch.where(hidden[:, None, None], self.unet.fixed_embedding(embedding), embedding)
        denoised = self.denoise(
            style + sigma[:, None] * noise, sigma, embedding, mask=mask, features=features, sigma_data=s
        )
        error = (denoised.float() - style.float()).square().mean(1)
        return (error * (sigma.square() + s**2) / (sigma * s) ** 2).mean()

    def denoise(
        self,
        x: Tensor,
        sigma: Tensor | float,
        embedding: Tensor,
        *,
        mask: Tensor | None = None,
        features: Tensor | None = None,
        guidance: float = 1.0,
        sigma_data: Tensor | float | None = None,
    ) -> Tensor:
        """Styles expected behind the noisy ones `x` [B, S] at noise level `sigma` ([B] or one for all)."""
        s = self._spread(sigma_data)
        level = torch.as_tensor(sigma, dtype=torch.float32, device=x.device).expand(len(x))
        spread = torch.sqrt(level.square() + s**2)
        out = self.unet(
            x / spread[:, None], level.log() / 4, embedding, mask=mask, features=features, guidance=guidance
        )
        return (s / spread).square()[:, None] * x + (level * s / spread)[:, None] * out

    def sample(
        self,
        noise: Tensor,
        embedding: Tensor,
        *,
        steps: int,
        mask: Tensor | None = None,
        features: Tensor | None = None,
        guidance: float = 1.0,
        rng: torch.Generator | None = None,
        step_noise: Tensor | None = None,
        sigma_data: Tensor | float | None = None,
    ) -> Tensor:
        """Styles [B, S] drawn from standard normal `noise` [B, S]; a gradient flows through every step.

        Args:
            steps: noise levels; one step fewer is taken.
            guidance: above 1 leans towards what the text asks for, beyond what the network would draw.
            rng: source of the fresh noise of each step; torch's own when None.
            step_noise: [steps - 1 or more, B, S] to use in its place.
        """

        def fresh(step: int) -> Tensor:
            if step_noise is not None:
                return step_noise[step]
            device = noise.device if rng is None else rng.device
            return torch.randn(noise.shape, generator=rng, device=device).to(noise.device)

        def denoised(x: Tensor, sigma: float) -> Tensor:
            return self.denoise(
                x, sigma, embedding, mask=mask, features=features, guidance=guidance, sigma_data=sigma_data
            )

        return adpm2(denoised, noise, karras_sigmas(steps), fresh)

    def _spread(self, sigma_data: Tensor | float | None) -> Tensor | float:
        return self.config.diffusion_sigma_data if sigma_data is None else sigma_data


class StyleTransformer(nn.Module):
    """Noisy style [B, S] and text [B, L, E] -> [B, S]; self-attention over the S + E values of each token."""

    def __init__(self, config: StyleTTS2Config) -> None:
        super().__init__()
        style = config.full_style
        width = style + config.bert_hidden
        self.multispeaker = config.multispeaker
        self.blocks = nn.ModuleList(
            TransformerBlock(config, width, style if config.multispeaker else None)
            for _ in range(config.diffusion_layers)
        )
        # The first entry, which has no weights, keeps the checkpoints' numbering.
        self.to_out = nn.Sequential(nn.Identity(), nn.Conv1d(width, style, 1))
        self.to_mapping = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.to_time = nn.Sequential(
            nn.Sequential(FourierTime(style // 2), nn.Linear(style + 1, width)), nn.GELU()
        )
        if config.multispeaker:
            self.to_features = nn.Sequential(nn.Linear(style, width), nn.GELU())
        self.fixed_embedding = FixedEmbedding(config.bert_positions, config.bert_hidden)

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        embedding: Tensor,
        *,
        mask: Tensor | None = None,
        features: Tensor | None = None,
        guidance: float = 1.0,
    ) -> Tensor:
        """`time` [B] is a quarter of the noise level's logarithm.

        With `guidance` g the answer is u + g (a - u), a with the text and u without (Ho & Salimans 2022).
        """
        if self.multispeaker != (features is not None):
            raise UserError(
                "a multi-speaker StyleTTS 2 model draws styles with a reference, and a single-speaker one "
                f"without: this model has multispeaker = {self.multispeaker}, and a reference was "
                f"{'given' if features is not None else 'not given'}"
            )
        if guidance == 1.0:
            return self._run(x, time, embedding, mask, features)
        both = _twice(mask), _twice(features)
        embedding = torch.cat((embedding, self.fixed_embedding(embedding)))
        conditional, unconditional = self._run(x.repeat(2, 1), time.repeat(2), embedding, *both).chunk(2)
        return unconditional + (conditional - unconditional) * guidance

    def _run(
        self, x: Tensor, time: Tensor, embedding: Tensor, mask: Tensor | None, features: Tensor | None
    ) -> Tensor:
        mapping = self.to_time(time)
        if features is not None:
            mapping = mapping + self.to_features(features)
        mapping = self.to_mapping(mapping)[:, None]
        h = torch.cat((x[:, None].expand(-1, embedding.shape[1], -1), embedding), -1)
        for block in self.blocks:
            h = block(h + mapping, mask, features)
        if mask is None:
            pooled = h.mean(1)
        else:
            kept = mask[..., None].to(h.dtype)
            pooled = (h * kept).sum(1) / kept.sum(1)
        return self.to_out(pooled[..., None])[..., 0]


class TransformerBlock(nn.Module):
    """Attention and feed-forward layers, each added to its input [B, L, C]."""

    def __init__(self, config: StyleTTS2Config, width: int, style: int | None) -> None:
        super().__init__()
        self.attention = SelfAttention(width, config.diffusion_heads, config.diffusion_head_features, style)
        inner = width * config.diffusion_multiplier
        self.feed_forward = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))

    def forward(self, x: Tensor, mask: Tensor | None, style: Tensor | None) -> Tensor:
        x = x + self.attention(x, mask, style)
        return x + self.feed_forward(x)


class SelfAttention(nn.Module):
    """Attention whose queries and context are normed apart, by the reference's style where there is one."""

    def __init__(self, width: int, n_heads: int, head_width: int, style: int | None) -> None:
        super().__init__()
        self.n_heads = n_heads
        inner = n_heads * head_width
        self.norm = nn.LayerNorm(width) if style is None else StyledLayerNorm(style, width)
        self.norm_context = nn.LayerNorm(width) if style is None else StyledLayerNorm(style, width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.attention = nn.ModuleDict({"to_out": nn.Linear(inner, width)})

    def forward(self, x: Tensor, mask: Tensor | None, style: Tensor | None) -> Tensor:
        """`mask` [B, L] bool, true on what may be attended to."""
        by = () if style is None else (style,)
        q = self._heads(self.to_q(self.norm(x, *by)))
        k, v = (self._heads(part) for part in self.to_kv(self.norm_context(x, *by)).chunk(2, -1))
        seen = None if mask is None else mask[:, None, None]
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.attention["to_out"](out.transpose(1, 2).flatten(2))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class FourierTime(nn.Module):
    """[B] -> [B, 2 N + 1]: the number itself and its sines and cosines at N learned frequencies."""

    def __init__(self, n_frequencies: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(n_frequencies))

    def forward(self, time: Tensor) -> Tensor:
        angles = 2 * math.pi * time[:, None] * self.weights
        return torch.cat((time[:, None], angles.sin(), angles.cos()), -1)


class FixedEmbedding(nn.Module):
    """One learned vector per position, in place of a text that the network is not to know."""

    def __init__(self, n_positions: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_positions, width)

    def forward(self, embedding: Tensor) -> Tensor:
        """Shaped like `embedding` [B, L, E]."""
        return self.embedding.weight[: embedding.shape[1]].expand_as(embedding)


def _twice(x: Tensor | None) -> Tensor | None:
    return None if x is None else torch.cat((x, x))
