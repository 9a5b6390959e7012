"""The prior's encoder (content and text joined) and the posterior's encoder of SoVITS.

Source: GPT-SoVITS `module/models.py` and `module/mrte_model.py`; module names are those of published weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.sovits.attention import CrossAttention, TransformerEncoder
from models.sovits.config import SovitsConfig
from models.sovits.wavenet import WaveNet


class Prior(NamedTuple):
    mean: Tensor
    """[B, C, T]"""
    log_std: Tensor
    """[B, C, T]"""
    frame_mask: Tensor
    """[B, 1, T] of 0 and 1."""


class Posterior(NamedTuple):
    z: Tensor
    """[B, C, T] a sample."""
    mean: Tensor
    log_std: Tensor


class TextAttention(nn.Module):
    """Multi-reference timbre encoder: content attends to the text, and the style vector is added."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.cross_attention = CrossAttention(config.mrte_channels, config.mrte_heads)
        self.c_pre = nn.Conv1d(config.hidden_channels, config.mrte_channels, 1)
        self.text_pre = nn.Conv1d(config.hidden_channels, config.mrte_channels, 1)
        self.c_post = nn.Conv1d(config.mrte_channels, config.hidden_channels, 1)

    def forward(
        self, content: Tensor, content_mask: Tensor, text: Tensor, text_mask: Tensor, style: Tensor
    ) -> Tensor:
        """[B, C, T], [B, C, L], masks [B, T] and [B, L] bool, style [B, M, 1] -> [B, C, T]."""
        frames = content_mask[:, None].to(content.dtype)
        phones = text_mask[:, None].to(content.dtype)
        content = self.c_pre(content * frames)
        text = self.text_pre(text * phones) * phones
        joined = self.cross_attention(content * frames, text, text_mask) + content + style
        return self.c_post(joined * frames)


class PriorEncoder(nn.Module):
    """Quantised content and phones to the mean and spread of the latent."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()

        def encoder(n_layers: int) -> TransformerEncoder:
            return TransformerEncoder(
                config.hidden_channels,
                config.filter_channels,
                config.n_heads,
                n_layers,
                config.kernel_size,
                config.dropout,
            )

        self.ssl_proj = nn.Conv1d(config.content_channels, config.hidden_channels, 1)
        self.encoder_ssl = encoder(config.content_layers)
        self.encoder_text = encoder(config.text_layers)
        self.text_embedding = nn.Embedding(config.n_symbols, config.hidden_channels)
        self.mrte = TextAttention(config)
        self.encoder2 = encoder(config.content_layers)
        self.proj = nn.Conv1d(config.hidden_channels, 2 * config.latent_channels, 1)

    def forward(
        self,
        content: Tensor,
        content_mask: Tensor,
        phone_ids: Tensor,
        phone_mask: Tensor,
        style: Tensor,
        speed: float = 1.0,
    ) -> Prior:
        """Content [B, D, T] and phones [B, L] with bool masks [B, T], [B, L]; style [B, M, 1].

        `speed` above 1 shortens the latent: it is resampled to int(T / speed) + 1 frames.
        """
        frames = content_mask[:, None].to(content.dtype)
        content = self.ssl_proj(content * frames)
        content = self.encoder_ssl(content, content_mask)
        text = self.text_embedding(phone_ids).transpose(1, 2)
        text = self.encoder_text(text, phone_mask)
        hidden = self.mrte(content, content_mask, text, phone_mask, style)
        hidden = self.encoder2(hidden, content_mask)
        if speed != 1.0:
            n_frames = int(hidden.shape[-1] / speed) + 1
            hidden = functional.interpolate(hidden, size=n_frames, mode="linear")
            frames = functional.interpolate(frames, size=n_frames, mode="nearest")
        mean, log_std = (self.proj(hidden) * frames).chunk(2, dim=1)
        return Prior(mean, log_std, frames)


class PosteriorEncoder(nn.Module):
    """Linear spectrogram to the latent."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.pre = nn.Conv1d(config.spec_channels, config.hidden_channels, 1)
        self.enc = WaveNet(config.hidden_channels, 5, config.posterior_layers, config.style_channels)
        self.proj = nn.Conv1d(config.hidden_channels, 2 * config.latent_channels, 1)

    def forward(self, spec: Tensor, frame_mask: Tensor, style: Tensor, noise: Tensor | None) -> Posterior:
        """[B, F, T], `frame_mask` [B, 1, T]; without `noise` [B, C, T] the sample is the mean.

        The style is detached: the style encoder is to learn from what must be told apart without the answer.
        """
        hidden = self.enc(self.pre(spec) * frame_mask, frame_mask, style.detach())
        mean, log_std = (self.proj(hidden) * frame_mask).chunk(2, dim=1)
        z = mean if noise is None else (mean + noise * torch.exp(log_std)) * frame_mask
        return Posterior(z, mean, log_std)
