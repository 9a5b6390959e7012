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
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        shape = (n_layers, 2, n_rows, n_heads, capacity, head_channels)
        # Not cleared: nothing is read before it is written, and a CPU takes memory only once it is touched.
        self.held = torch.empty(shape, dtype=dtype, device=device)
        """[layers, keys and values, B, H, capacity, D]."""
        self.length = 0
        """Positions that every layer holds."""

    def extend(self, layer: int, keys_values: Tensor) -> Tensor:
        """Write [2, B, H, N, D] after the held positions; returns the layer's, [2, B, H, length + N, D].

        Call `advance(N)` when every layer has been extended.
        """
        end = self.length + keys_values.shape[3]
        self.held[layer, :, :, :, self.length : end] = keys_values
        return self.held[layer, :, :, :, :end]

    def advance(self, n_positions: int) -> None:
        self.length += n_positions


class StaticCache(KeyValueCache):
    """Goes on from a filled cache, one position at a time, with nothing whose shape or address changes.

    The position is a tensor on the device and every layer's answer has the full capacity, so a step can be
    recorded as a CUDA graph; `visible` says what of it is real.
    """

    def __init__(self, filled: KeyValueCache) -> None:
        self.held = filled.held
        self.length = filled.length
        # Zeros, not whatever was in memory: positions not yet written are weighed with 0.
        self.held[..., self.length :, :] = 0
        self.slot = torch.full((1,), filled.length, device=self.held.device)
        self._positions = torch.arange(self.held.shape[4], device=self.held.device)

    def extend(self, layer: int, keys_values: Tensor) -> Tensor:
        """As the parent's for N = 1, but returns [2, B, H, capacity, D]."""
        self.held[layer].index_copy_(3, self.slot, keys_values)
        return self.held[layer]

    def advance(self, n_positions: int) -> None:
        self.slot.add_(n_positions)

    def visible(self) -> Tensor:
        """[capacity] bool: the held positions and the one about to be written."""
        return self._positions <= self.slot

    def rewind(self) -> None:
        """Forget what came after the filled positions."""
        self.slot.fill_(self.length)
