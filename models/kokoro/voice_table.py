"""From a speaker's embedding to a voice: the 510 rows that Kokoro reads, one per number of phonemes.

An embedding becomes a latent, and the latent a centre and a few coefficients; row i is the centre plus the
coefficients times cosines of its position. So a voice is smooth in i by construction, and its centre is the
mean of its rows. Positions are logarithmic: a fourth phoneme changes more than the hundred-and-fourth.

Our own design; Kokoro's training code and the origin of its voices are not published.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_SCALE_PHONEMES = 20.0
"""Below, positions are nearly linear in the number of phonemes, above they are logarithmic."""
_COEFFICIENT_SPREAD = 1e-2
"""Of fresh coefficients, beside styles of norm 1 to 10: at first a voice hardly depends on the length."""
_RANK_TOLERANCE = 1e-4
"""Singular values below this share of the largest are differences between speakers that are none."""


@dataclass(frozen=True)
class VoiceTableConfig:
    """Sizes."""

    embedding: int
    """Width of the speaker encoder's vectors."""
    rows: int = 510
    width: int = 256
    """Of a row, both halves of a style."""
    latent: int = 256
    waves: int = 8
    """Cosines of the position; the last one turns so many half times over the table."""


class VoiceTable(nn.Module):
    """Embeddings [B, E] of unit length -> voices [B, rows, width]."""

    positions: Tensor

    def __init__(self, config: VoiceTableConfig) -> None:
        super().__init__()
        self.config = config
        self.project = nn.Linear(config.embedding, config.latent)
        self.centre = nn.Linear(config.latent, config.width)
        self.coefficients = nn.Linear(config.latent, config.waves * config.width)
        nn.init.normal_(self.coefficients.weight, std=_COEFFICIENT_SPREAD / config.latent**0.5)
        nn.init.zeros_(self.coefficients.bias)
        self.register_buffer("positions", _waves(config.rows, config.waves), persistent=False)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Whole voices; the released files have another axis of one, [rows, 1, width]."""
        centre, coefficients = self._parts(embeddings)
        return centre[:, None] + self.positions @ coefficients

    def rows(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """[B, width]: of each embedding's voice the row for a text of `lengths` [B] tokens, pads included."""
        centre, coefficients = self._parts(embeddings)
        place = self.positions[row_index(lengths).to(self.positions.device, non_blocking=True)]
        return centre + (place[:, None] @ coefficients)[:, 0]

    @torch.no_grad()
    def centre_on(self, embeddings: Tensor, styles: Tensor) -> None:
        """Make the mean of each speaker's rows a given style, by the least change of weights that does.

        Args:
            embeddings: [N, E], one per speaker, all different; N no larger than the latent.
            styles: [N, width].
        """
        _bring_to(self.centre, self._latent(embeddings), styles)

    @torch.no_grad()
    def begin_as(self, embeddings: Tensor, voices: Tensor) -> None:
        """Make each speaker's voice a given one, as near as cosines of the position come to it.

        Args:
            embeddings: As `centre_on`'s.
            voices: [N, rows, width].
        """
        self.centre_on(embeddings, voices.mean(1))
        by_length = (voices - voices.mean(1, keepdim=True)).transpose(0, 1).flatten(1)
        fit = torch.linalg.lstsq(self.positions, by_length).solution
        wanted = fit.unflatten(1, (len(voices), self.config.width)).transpose(0, 1).flatten(1)
        _bring_to(self.coefficients, self._latent(embeddings), wanted)

    def _latent(self, embeddings: Tensor) -> Tensor:
        # Of unit length as they come, their entries would be too small to bend tanh.
        return torch.tanh(self.project(embeddings * self.config.embedding**0.5))

    def _parts(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """[B, width] and [B, waves, width]."""
        latent = self._latent(embeddings)
        coefficients = self.coefficients(latent).unflatten(1, (self.config.waves, self.config.width))
        return self.centre(latent), coefficients


def _bring_to(layer: nn.Linear, inputs: Tensor, outputs: Tensor) -> None:
    """Make the layer give outputs [N, M] for inputs [N, K], by the least change of its weights that does."""
    middle = inputs.mean(0, keepdim=True)
    missing = outputs - layer(inputs)
    spread = torch.linalg.pinv(inputs - middle, rtol=_RANK_TOLERANCE)
    change = (spread @ (missing - missing.mean(0))).T
    layer.weight.add_(change)
    layer.bias.add_(missing.mean(0) - change @ middle[0])


def row_index(lengths: Tensor) -> Tensor:
    """Rows of a voice for texts of `lengths` tokens: phonemes less one; the first for pads alone."""
    return (lengths - 3).clamp(min=0)


def _waves(rows: int, waves: int) -> Tensor:
    """[rows, waves] cosines of mean 0 over the rows."""
    place = torch.log1p(torch.arange(rows, dtype=torch.float64) / _SCALE_PHONEMES)
    place = place / place[-1].clamp(min=1e-9)
    cosines = torch.cos(torch.pi * place[:, None] * torch.arange(1, waves + 1))
    return (cosines - cosines.mean(0)).float()
