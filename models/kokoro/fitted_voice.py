"""A voice near the official ones: a mix of their tables, and beside it what no mix of them says.

A row of the voice is the mix of the official rows for the same length of text, so the dependence on length is
theirs. Timbre and prosody, the halves of a row, are mixed apart. To the timbre a vector is added, the same in
every row, for what lies outside of the official voices' space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.kokoro.voice_table import row_index


class FittedVoices(nn.Module):
    """One voice per speaker out of V official ones.

    Args:
        tables: [V, rows, 2 style_dim] of the official voices, the acoustic half first.
        shares: [N, V] of each speaker's first mix, adding up to 1.
    """

    tables: Tensor
    first_shares: Tensor

    def __init__(self, tables: Tensor, shares: Tensor) -> None:
        super().__init__()
        self.style_dim = tables.shape[2] // 2
        self.register_buffer("tables", tables, persistent=False)
        self.register_buffer("first_shares", shares, persistent=False)
        self.acoustic = nn.Parameter(shares.clone())
        self.prosodic = nn.Parameter(shares.clone())
        self.offset = nn.Parameter(torch.zeros(len(shares), self.style_dim))

    @torch.no_grad()
    def begin_as(self, speaker: int, table: Tensor) -> None:
        """Let a speaker's voice begin as another: the mix that comes nearest to it, and what is left.

        A voice that is such a mix with such a vector, as fitted ones are, comes out as it was.

        Args:
            table: [rows, 2 style_dim].
        """
        mixed = [half.double().cpu() for half in self.tables.split(self.style_dim, dim=2)]
        timbre, prosody = table.double().cpu().split(self.style_dim, dim=1)
        # The vector is the same in every row: without the means of the rows it plays no part.
        acoustic = _shares(mixed[0] - mixed[0].mean(1, keepdim=True), timbre - timbre.mean(0))
        prosodic = _shares(mixed[1], prosody)
        offset = timbre.mean(0) - acoustic @ mixed[0].mean(1)
        for parameter, value in (
            (self.acoustic, acoustic),
            (self.prosodic, prosodic),
            (self.offset, offset),
            (self.first_shares, (acoustic + prosodic) / 2),
        ):
            parameter[speaker] = value.to(parameter)

    def mix_parameters(self) -> list[nn.Parameter]:
        """Shares of both halves."""
        return [self.acoustic, self.prosodic]

    def shares(self) -> Tensor:
        """[2, N, V] of timbre and prosody, each adding up to 1; some may be negative."""
        both = torch.stack((self.acoustic, self.prosodic))
        return both + (1.0 - both.sum(-1, keepdim=True)) / both.shape[-1]

    def rows(self, speakers: Tensor, lengths: Tensor) -> Tensor:
        """[B, 2 style_dim]: for each text the row of its speaker's voice.

        Args:
            speakers: [B] int64.
            lengths: [B] tokens, pads included.
        """
        near = self.tables[:, row_index(lengths).to(self.tables.device)].transpose(0, 1)
        acoustic, prosodic = (share[speakers][:, None] for share in self.shares())
        timbre, prosody = near.split(self.style_dim, dim=2)
        return torch.cat(
            ((acoustic @ timbre)[:, 0] + self.offset[speakers], (prosodic @ prosody)[:, 0]), dim=1
        )

    def forward(self) -> Tensor:
        """All voices [N, rows, 2 style_dim]."""
        timbre, prosody = self.tables.split(self.style_dim, dim=2)
        acoustic, prosodic = self.shares()
        mixed = torch.einsum("nv,vrs->nrs", acoustic, timbre) + self.offset[:, None]
        return torch.cat((mixed, torch.einsum("nv,vrs->nrs", prosodic, prosody)), dim=2)

    def mix_distance(self) -> Tensor:
        """Mean squared distance of a speaker's shares from the first mix, summed over voices and halves."""
        return (self.shares() - self.first_shares).square().sum(-1).mean(1).sum()

    def offset_size(self) -> Tensor:
        """Mean squared length of the vectors beside the mixes."""
        return self.offset.square().sum(1).mean()


def _shares(tables: Tensor, wanted: Tensor) -> Tensor:
    """[V] shares of tables [V, rows, width] that add up to 1 and come nearest to one [rows, width]."""
    # With the last table's share as what is left of 1 the sum is no further equation.
    last = tables[-1]
    differences = (tables[:-1] - last).flatten(1).T
    if not differences.shape[1]:
        return tables.new_ones(1)
    found = torch.linalg.lstsq(differences, (wanted - last).flatten()[:, None], driver="gelsd").solution[:, 0]
    return torch.cat((found, 1.0 - found.sum()[None]))
