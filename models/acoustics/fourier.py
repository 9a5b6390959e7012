"""Short-time Fourier transform of few points as convolutions, both ways.

A vocoder that ends in an inverse transform (Kaneko et al. 2022, iSTFTNet) has frames of some 20 samples:
a matrix product per frame is faster than a Fourier transform, exports to ONNX, and needs no complex numbers.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


class ShortFourier(nn.Module):
    """Periodic Hann windows of `n_fft` samples every `hop` samples, centred, n_fft // 2 + 1 bins.

    `as_exported` computes what Kokoro's published ONNX models do in its place: edges are repeated and not
    mirrored, and the inverse counts every bin once and leaves the overlap of the windows in.
    """

    forward_basis: Tensor
    inverse_basis: Tensor
    squared_window: Tensor

    def __init__(self, n_fft: int, hop: int, *, as_exported: bool = False) -> None:
        super().__init__()
        self.n_fft, self.hop, self.as_exported = n_fft, hop, as_exported
        self.n_bins = n_fft // 2 + 1
        steps = np.arange(n_fft)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * steps / n_fft)
        angles = 2 * np.pi * np.outer(np.arange(self.n_bins), steps) / n_fft
        # The sines of the first and the last bin are zero but for rounding, whose sign would decide a phase.
        sines = np.sin(angles) * (np.arange(self.n_bins) % (n_fft // 2) != 0)[:, None]
        both = np.concatenate((np.cos(angles), -sines)) * window
        # A real signal's bins count twice but for the first and the last.
        weights = np.where((np.arange(self.n_bins) % (n_fft // 2) == 0) | as_exported, 1, 2) / n_fft
        bases = {
            "forward_basis": both[:, None],
            "inverse_basis": (np.tile(weights, 2)[:, None] * both)[:, None],
            "squared_window": np.square(window)[None, None],
        }
        for name, basis in bases.items():
            self.register_buffer(name, torch.tensor(basis, dtype=torch.float32), persistent=False)

    def transform(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S] -> magnitude and phase in radians, each [B, n_bins, S // hop + 1]."""
        edges = "replicate" if self.as_exported else "reflect"
        padded = functional.pad(wave[:, None], (self.n_fft // 2, self.n_fft // 2), edges)
        real, imaginary = functional.conv1d(padded, self.forward_basis, stride=self.hop).chunk(2, dim=1)
        return torch.sqrt(real.square() + imaginary.square()), torch.atan2(imaginary, real)

    def inverse(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        """Two of [B, n_bins, F] -> [B, 1, (F - 1) hop]; undoes `transform` unless `as_exported`."""
        spectrum = torch.cat((magnitude * torch.cos(phase), magnitude * torch.sin(phase)), dim=1)
        margin = self.n_fft // 2
        wave = functional.conv_transpose1d(spectrum, self.inverse_basis, stride=self.hop, padding=margin)
        if self.as_exported:
            return wave
        frames = torch.ones_like(magnitude[:1, :1])
        overlap = functional.conv_transpose1d(frames, self.squared_window, stride=self.hop, padding=margin)
        return wave / overlap
