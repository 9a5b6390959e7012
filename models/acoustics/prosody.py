"""Prosody predictor of StyleTTS 2 and Kokoro: durations, pitch and energy from text features and a style.

Source: StyleTTS 2 `models.py`. Names are those of the checkpoint's `predictor`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.acoustics.adain import StyledLayerNorm, StyledResidual
from models.acoustics.lstm import BidirectionalLstm
from models.layers.masking import padding_mask

_DURATION_DROPOUT = 0.5
_FRESH_PITCH_HZ = 100.0


class DurationLogits(NamedTuple):
    """[B, L, max_dur] twice; the same in evaluation mode."""

    dropped: Tensor
    """Under the head's dropout, which the published losses see."""
    whole: Tensor
    """Without, as when speaking."""


class PitchEnergy(NamedTuple):
    """Two curves at twice the frame rate of durations, so one value per mel frame."""

    f0_hz: Tensor
    """[B, 2 T]"""
    energy: Tensor
    """[B, 2 T]"""


class ProsodyPredictor(nn.Module):
    """`style` is the prosodic half of a style [B, S] throughout; lengths [B] int64 are on the CPU.

    No lengths say that rows are full.
    """

    def __init__(self, style_dim: int, channels: int, n_layers: int, max_dur: int, dropout: float) -> None:
        super().__init__()
        self.text_encoder = _DurationEncoder(style_dim, channels, n_layers, dropout)
        self.lstm = BidirectionalLstm(channels + style_dim, channels)
        self.duration_proj = _Linear(channels, max_dur)
        self.shared = BidirectionalLstm(channels + style_dim, channels)
        self.F0 = _curve_blocks(channels, style_dim, dropout)
        self.N = _curve_blocks(channels, style_dim, dropout)
        self.F0_proj = nn.Conv1d(channels // 2, 1, 1)
        self.N_proj = nn.Conv1d(channels // 2, 1, 1)

    @torch.no_grad()
    def speak_in_hz(self) -> None:
        """Scale a fresh pitch head: as drawn it says values near 1, thousands of steps away from any Hz."""
        for parameter in self.F0_proj.parameters():
            parameter.mul_(_FRESH_PITCH_HZ)

    def encode(self, d_en: Tensor, style: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Text features `d_en` [B, C, L] -> [B, L, C + S], which the other heads read; 0 past the lengths."""
        return self.text_encoder(d_en, style, lengths)

    def duration_logits(self, d: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[B, L, C + S] -> [B, L, max_dur]."""
        return self.both_duration_logits(d, lengths).dropped

    def both_duration_logits(self, d: Tensor, lengths: Tensor | None = None) -> DurationLogits:
        """The same with and without the head's dropout."""
        hidden = self.lstm(d, lengths)
        whole = self.duration_proj(hidden)
        if not self.training:
            return DurationLogits(whole, whole)
        return DurationLogits(self.duration_proj(functional.dropout(hidden, _DURATION_DROPOUT)), whole)

    def pitch_and_energy(self, en: Tensor, style: Tensor, lengths: Tensor | None = None) -> PitchEnergy:
        """[B, C + S, T], tokens' features repeated by their durations -> curves.

        With `lengths` in frames every row is what it is alone, and its curves are 0 past them.
        """
        x = self.shared(en.transpose(1, 2), lengths).transpose(1, 2)
        frames = padding_mask(lengths, x)
        f0_hz = _curve(self.F0, self.F0_proj, x, style, frames)
        return PitchEnergy(f0_hz, _curve(self.N, self.N_proj, x, style, frames))


def _curve_blocks(channels: int, style_dim: int, dropout: float) -> nn.ModuleList:
    half = channels // 2
    return nn.ModuleList(
        (
            StyledResidual(channels, channels, style_dim, dropout=dropout),
            StyledResidual(channels, half, style_dim, upsample=True, dropout=dropout),
            StyledResidual(half, half, style_dim, dropout=dropout),
        )
    )


def _curve(
    blocks: nn.ModuleList, project: nn.Conv1d, x: Tensor, style: Tensor, frames: Tensor | None
) -> Tensor:
    """[B, C, T] -> [B, 2 T]."""
    for block in blocks:
        x = block(x, style, frames)
        if frames is not None and x.shape[2] > frames.shape[2]:
            frames = frames.repeat_interleave(2, dim=2)
    curve = project(x)
    return (curve if frames is None else curve * frames)[:, 0]


class _Linear(nn.Module):
    """A linear layer under the published name `linear_layer`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(in_channels, out_channels)
        nn.init.xavier_uniform_(self.linear_layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_layer(x)


class _DurationEncoder(nn.Module):
    """Recurrent layers, each followed by a styled norm, the style joined to every layer's input."""

    def __init__(self, style_dim: int, channels: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.lstms = nn.ModuleList(
            layer
            for _ in range(n_layers)
            for layer in (
                BidirectionalLstm(channels + style_dim, channels),
                StyledLayerNorm(style_dim, channels),
            )
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, d_en: Tensor, style: Tensor, lengths: Tensor | None) -> Tensor:
        mask = padding_mask(lengths, d_en)
        styles = style[:, None].expand(-1, d_en.shape[2], -1)
        x = d_en.transpose(1, 2)
        for lstm, norm in zip(self.lstms[::2], self.lstms[1::2], strict=True):
            joined = _joined(x, styles, mask)
            x = norm(self.dropout(lstm(joined, lengths)), style)
        return _joined(x, styles, mask)


def _joined(x: Tensor, styles: Tensor, mask: Tensor | None) -> Tensor:
    """[B, L, C] and [B, L, S] side by side, 0 where there is no token."""
    joined = torch.cat((x, styles), dim=2)
    return joined if mask is None else joined * mask.transpose(1, 2)
