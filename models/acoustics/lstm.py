"""Recurrence over rows of different lengths."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from models.layers.masking import sequence_mask
from models.layers.precision import full_precision


class BidirectionalLstm(nn.LSTM):
    """[B, L, C_in] -> [B, L, C_out], half of the channels from each direction; parameters as `nn.LSTM`'s."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:  # type: ignore[override]
        """`lengths` [B] int64 on the CPU, so that no device is waited for; the result is 0 past them."""
        if lengths is not None and int(lengths.min()) == x.shape[1]:
            lengths = None
        if x.device.type == "cpu":
            return super().forward(x)[0] if lengths is None else self._each_way(x, lengths)
        # Autocast would run cuDNN's LSTMs in fp16, whose gradients nothing scales, whatever type it is for.
        with full_precision(x):
            return self._packed(x.to(next(self.parameters()).dtype), lengths)

    def _packed(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            return super().forward(x)[0]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(super().forward(packed)[0], batch_first=True, total_length=x.shape[1])
        return out

    def _each_way(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The same without packing, which costs a CPU two to ten times as much: oneDNN knows no packed rows.

        Forwards nothing valid follows the padding; backwards each row is turned around within its length.
        """
        real = sequence_mask(lengths, x.shape[1])
        place = torch.arange(x.shape[1]).expand(real.shape)
        turned = torch.where(real, lengths[:, None] - 1 - place, place)[..., None]
        weights: list[Tensor] = list(self.parameters())
        half = len(weights) // 2
        ahead = self._one_way(x, weights[:half])
        back = self._one_way(x.gather(1, turned.expand_as(x)), weights[half:])
        back = back.gather(1, turned.expand_as(back))
        return torch.cat((ahead, back), dim=2) * real[..., None]

    def _one_way(self, x: Tensor, weights: list[Tensor]) -> Tensor:
        start = x.new_zeros(1, len(x), self.hidden_size)
        return torch.lstm(x, [start, start], weights, True, 1, 0.0, self.training, False, True)[0]
