"""Attention over channels-first sequences, and the transformer encoder of VITS built of it.

Sources: VITS (Kim et al. 2021) `attentions.py`; relative positions of Shaw et al. 2018, shared by all heads.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.layers.channel_norm import ChannelNorm


class _Projections(nn.Module):
    """The four 1x1 convolutions of an attention layer, and the split into heads."""

    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        for projection in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(projection.weight)

    def heads(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, H, T, C / H]."""
        return x.unflatten(1, (self.n_heads, -1)).transpose(2, 3)

    def merge(self, x: Tensor) -> Tensor:
        """[B, H, T, C / H] -> [B, C, T], projected."""
        return self.conv_o(x.transpose(2, 3).flatten(1, 2))


class CrossAttention(_Projections):
    """Attention of [B, C, T] over [B, C, S] without positions."""

    def forward(self, x: Tensor, context: Tensor, context_mask: Tensor) -> Tensor:
        """`context_mask` [B, S] bool, true on what may be attended to (at least one position per row)."""
        out = functional.scaled_dot_product_attention(
            self.heads(self.conv_q(x)),
            self.heads(self.conv_k(context)),
            self.heads(self.conv_v(context)),
            attn_mask=context_mask[:, None, None],
        )
        return self.merge(out)


class RelativeSelfAttention(_Projections):
    """Self-attention of [B, C, T] with learned keys and values for the offsets -window..window."""

    def __init__(self, channels: int, n_heads: int, dropout: float, window: int = 4) -> None:
        super().__init__(channels, n_heads)
        self.window = window
        self.dropout = nn.Dropout(dropout)
        head_channels = channels // n_heads
        shape = (1, 2 * window + 1, head_channels)
        self.emb_rel_k = nn.Parameter(torch.randn(shape) * head_channels**-0.5)
        self.emb_rel_v = nn.Parameter(torch.randn(shape) * head_channels**-0.5)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`mask` [B, T] bool, true on what may be attended to."""
        query = self.heads(self.conv_q(x)) / math.sqrt(x.shape[1] // self.n_heads)
        key, value = self.heads(self.conv_k(x)), self.heads(self.conv_v(x))
        scores = query @ key.transpose(2, 3)
        scores = scores + self._spread(query @ self.emb_rel_k[0].T)
        scores = scores.masked_fill(~mask[:, None, None], -1e4)
        weights = self.dropout(scores.softmax(dim=-1))
        out = weights @ value + self._gather(weights) @ self.emb_rel_v[0]
        return self.merge(out)

    def _spread(self, by_offset: Tensor) -> Tensor:
        """[..., T, 2w + 1] by offset -> [..., T, T] by position, 0 outside the window."""
        n = by_offset.shape[-2]
        offsets = self._offsets(n, by_offset.device)
        outside = 2 * self.window + 1
        index = torch.where(offsets.abs() <= self.window, offsets + self.window, outside)
        padded = functional.pad(by_offset, (0, 1))
        return padded.gather(-1, index.expand(*by_offset.shape[:-1], n))

    def _gather(self, by_position: Tensor) -> Tensor:
        """[..., T, T] by position -> [..., T, 2w + 1] by offset, 0 where the position does not exist."""
        n = by_position.shape[-1]
        steps = torch.arange(2 * self.window + 1, device=by_position.device)
        index = torch.arange(n, device=by_position.device)[:, None] + steps
        padded = functional.pad(by_position, (self.window, self.window))
        return padded.gather(-1, index.expand(*by_position.shape[:-1], steps.shape[0]))

    @staticmethod
    def _offsets(n: int, device: torch.device) -> Tensor:
        positions = torch.arange(n, device=device)
        return positions[None] - positions[:, None]


class FeedForward(nn.Module):
    """Two convolutions over time with a ReLU between, [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, filter_channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, filter_channels, kernel, padding=kernel // 2)
        self.conv_2 = nn.Conv1d(filter_channels, channels, kernel, padding=kernel // 2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, frame_mask: Tensor) -> Tensor:
        hidden = self.dropout(torch.relu(self.conv_1(x * frame_mask)))
        return self.conv_2(hidden * frame_mask) * frame_mask


class TransformerEncoder(nn.Module):
    """Post-norm transformer with relative positions; module names as in VITS."""

    def __init__(
        self,
        channels: int,
        filter_channels: int,
        n_heads: int,
        n_layers: int,
        kernel: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        layers = range(n_layers)
        self.attn_layers = nn.ModuleList(RelativeSelfAttention(channels, n_heads, dropout) for _ in layers)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in layers)
        self.ffn_layers = nn.ModuleList(
            FeedForward(channels, filter_channels, kernel, dropout) for _ in layers
        )
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in layers)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, C, T] with `mask` [B, T] bool -> [B, C, T], 0 where the mask is false."""
        frames = mask[:, None].to(x.dtype)
        x = x * frames
        for attention, norm_1, feed_forward, norm_2 in zip(
            self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True
        ):
            x = norm_1(x + self.dropout(attention(x, mask)))
            x = norm_2(x + self.dropout(feed_forward(x, frames)))
        return x * frames
