"""Style encoder of Meta-StyleSpeech (Min et al. 2021): a spectrogram to one vector."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Linear(nn.Module):
    """A linear layer under the published name `fc`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class _Conv(nn.Module):
    """A convolution under the published name `conv`."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class GatedConv(nn.Module):
    """Convolution with a gated linear unit and a residual connection, [B, C, T] -> [B, C, T]."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = _Conv(channels, 2 * channels, kernel)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(functional.glu(self.conv1(x), dim=1))


class StyleAttention(nn.Module):
    """Self-attention with a residual connection, [B, T, C] -> [B, T, C].

    Scores are divided by sqrt(C), not by the root of a head's width: so were the published weights trained.
    """

    def __init__(self, channels: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.w_qs = nn.Linear(channels, channels)
        self.w_ks = nn.Linear(channels, channels)
        self.w_vs = nn.Linear(channels, channels)
        self.fc = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`mask` [B, T] bool, true on frames that exist."""
        query, key, value = (
            project(x).unflatten(2, (self.n_heads, -1)).transpose(1, 2)
            for project in (self.w_qs, self.w_ks, self.w_vs)
        )
        out = functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask[:, None, None],
            dropout_p=self.dropout.p if self.training else 0.0,
            scale=1 / math.sqrt(x.shape[2]),
        )
        return x + self.dropout(self.fc(out.transpose(1, 2).flatten(2)))


class StyleEncoder(nn.Module):
    """Spectrogram [B, F, T] -> style vector [B, G, 1], the mean over the frames that exist."""

    def __init__(
        self, n_bins: int, hidden: int, n_heads: int, out_channels: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.spectral = nn.Sequential(
            _Linear(n_bins, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
            _Linear(hidden, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
        )
        self.temporal = nn.Sequential(GatedConv(hidden, 5, dropout), GatedConv(hidden, 5, dropout))
        self.slf_attn = StyleAttention(hidden, n_heads, dropout)
        self.fc = _Linear(hidden, out_channels)

    def forward(self, spec: Tensor, mask: Tensor) -> Tensor:
        """`mask` [B, T] bool; every row has at least one frame."""
        x = self.spectral(spec.transpose(1, 2)).transpose(1, 2)
        x = self.temporal(x).transpose(1, 2)
        frames = mask[..., None].to(x.dtype)
        x = self.fc(self.slf_attn(x * frames, mask))
        mean = torch.sum((x * frames).float(), dim=1) / frames.float().sum(dim=1)
        return mean.to(x.dtype)[..., None]
