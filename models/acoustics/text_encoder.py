"""Text encoder of StyleTTS 2 and Kokoro: convolutions and a recurrent layer over the tokens.

Source: StyleTTS 2 `models.py`, itself the encoder of Tacotron 2 (Shen et al. 2018). Names are those of the
checkpoint's `text_encoder`.
"""

from torch import Tensor, nn

from models.acoustics.lstm import BidirectionalLstm
from models.layers.channel_norm import ChannelNorm
from models.layers.conv import NormedConv1d
from models.layers.masking import padding_mask

_SLOPE = 0.2


class TextEncoder(nn.Module):
    """Tokens [B, L] -> [B, C, L]."""

    def __init__(self, channels: int, kernel: int, depth: int, n_symbols: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_symbols, channels)
        self.cnn = nn.ModuleList(
            nn.Sequential(
                NormedConv1d(channels, channels, kernel, padding=kernel // 2),
                ChannelNorm(channels),
                nn.LeakyReLU(_SLOPE),
                nn.Dropout(dropout),
            )
            for _ in range(depth)
        )
        self.lstm = BidirectionalLstm(channels, channels)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None) -> Tensor:
        """`tokens` int64; `lengths` [B] int64 on the CPU, None: full rows. The result is 0 past them."""
        x = self.embedding(tokens).transpose(1, 2)
        mask = padding_mask(lengths, x)
        x = x if mask is None else x * mask
        for layer in self.cnn:
            x = layer(x) if mask is None else layer(x) * mask
        return self.lstm(x.transpose(1, 2), lengths).transpose(1, 2)
