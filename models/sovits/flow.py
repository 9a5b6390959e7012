"""Normalising flow of VITS: additive couplings (Dinh et al. 2014) with channel flips between them."""

import torch
from torch import Tensor, nn

from models.sovits.wavenet import WaveNet


class AdditiveCoupling(nn.Module):
    """Shift one half of the channels by a function of the other half; its volume is constant."""

    def __init__(self, channels: int, hidden: int, kernel: int, n_layers: int, style_channels: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, hidden, 1)
        self.enc = WaveNet(hidden, kernel, n_layers, style_channels)
        self.post = nn.Conv1d(hidden, channels // 2, 1)
        # Start as the identity, as VITS does.
        for parameter in self.post.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, frame_mask: Tensor, style: Tensor, reverse: bool) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        kept, moved = x.chunk(2, dim=1)
        hidden = self.enc(self.pre(kept) * frame_mask, frame_mask, style)
        shift = self.post(hidden) * frame_mask
        moved = (moved - shift) * frame_mask if reverse else shift + moved * frame_mask
        return torch.cat((kept, moved), dim=1)


class CouplingFlow(nn.Module):
    """`n_flows` couplings, each followed by a flip of the channels: the next one moves the other half."""

    def __init__(
        self,
        channels: int,
        hidden: int,
        kernel: int,
        n_layers: int,
        n_flows: int,
        style_channels: int,
    ) -> None:
        super().__init__()
        # Published weights number the flips too, so the couplings have the even names.
        self.flows = nn.ModuleDict(
            {
                str(2 * i): AdditiveCoupling(channels, hidden, kernel, n_layers, style_channels)
                for i in range(n_flows)
            }
        )

    def forward(self, x: Tensor, frame_mask: Tensor, style: Tensor, reverse: bool = False) -> Tensor:
        """Posterior latent to prior space [B, C, T], or back when `reverse`."""
        if reverse:
            for coupling in reversed(list(self.flows.values())):
                x = coupling(x.flip(1), frame_mask, style, reverse=True)
            return x
        for coupling in self.flows.values():
            x = coupling(x, frame_mask, style, reverse=False).flip(1)
        return x
