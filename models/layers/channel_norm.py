"""Layer normalisation of channels-first sequences."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelNorm(nn.Module):
    """Layer norm over the channels of [B, C, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normed = functional.layer_norm(x.transpose(1, 2), (self.channels,), self.gamma, self.beta, eps=1e-5)
        return normed.transpose(1, 2)
