"""Recurrence over rows of different lengths."""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BidirectionalLstm(nn.LSTM):
    """[B, L, C_in] -> [B, L, C_out], half of the channels from each direction; parameters as `nn.LSTM`'s."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """`lengths` [B] int64 on the CPU, so that no device is waited for; the result is 0 past them."""
        if lengths is None or int(lengths.min()) == x.shape[1]:
            return super().forward(x)[0]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(super().forward(packed)[0], batch_first=True, total_length=x.shape[1])
        return out
