"""What the decoder makes of a voice, moved for one speaker: the biases of its styled norms.

A linear layer in every norm of the decoder turns a voice's 128 numbers of timbre into a gain and a bias per
channel. The layer's own biases are the same for all voices; moved, they give a speaker, layer by layer, what
no voice says. Nothing else of the network moves, so a step costs what it costs to fit the voice alone.
Source for learning biases alone: Ben Zaken et al. 2022 (BitFit).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from models.acoustics.adain import AdaptiveInstanceNorm
from models.acoustics.decoder import Decoder


def bias_names(decoder: Decoder) -> tuple[str, ...]:
    """Names of the biases in the decoder's state."""
    return tuple(
        f"{name}.fc.bias"
        for name, module in decoder.named_modules()
        if isinstance(module, AdaptiveInstanceNorm)
    )


class DecoderBiases(nn.Module):
    """The biases themselves, which learn in their place.

    Args:
        decoder: Whose styled norms they are; its other parameters stay without gradients.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.names = bias_names(decoder)
        own = (decoder.get_parameter(name) for name in self.names)
        self.biases = nn.ParameterList(bias.requires_grad_(True) for bias in own)

    def named(self) -> dict[str, Tensor]:
        """By their names in the decoder's state, on the CPU, apart from what still learns."""
        return {name: bias.detach().cpu().clone() for name, bias in zip(self.names, self.biases, strict=True)}

    @torch.no_grad()
    def begin_as(self, weights: Mapping[str, Tensor]) -> None:
        """Let them begin as another decoder's.

        Args:
            weights: That decoder's state; what else it holds is not read.

        Raises:
            KeyError: one is missing.
            ValueError: one has another shape.
        """
        for name, bias in zip(self.names, self.biases, strict=True):
            if weights[name].shape != bias.shape:
                raise ValueError(f"{name} is {list(weights[name].shape)} where {list(bias.shape)} is needed")
            bias.copy_(weights[name])
