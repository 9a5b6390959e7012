"""The discriminator that hears what a speech language model makes of a waveform (Li et al. 2023, StyleTTS 2).

State-dict keys are those of StyleTTS 2's `wd`.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from models.discriminators.multi_period import SLOPE
from models.layers.conv import NormedConv1d


class WavLMDiscriminator(nn.Module):
    """All hidden states of a frame [B, layers * hidden, F] -> scores [B, F], towards 1 for a recording.

    Args:
        hidden: width of each hidden state.
        layers: of the language model, its input embedding among them.
        channels: width of the first layer.
    """

    def __init__(self, hidden: int = 768, layers: int = 13, channels: int = 64) -> None:
        super().__init__()
        widths = (channels, 2 * channels, 4 * channels, 4 * channels)
        self.pre = NormedConv1d(hidden * layers, channels, 1)
        self.convs = nn.ModuleList(
            NormedConv1d(n_in, n_out, 5, padding=2) for n_in, n_out in pairwise(widths)
        )
        self.conv_post = NormedConv1d(widths[-1], 1, 3, padding=1)

    def forward(self, states: Tensor) -> Tensor:
        x = self.pre(states)
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), SLOPE)
        return self.conv_post(x).flatten(1)
