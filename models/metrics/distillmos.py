"""How good speech sounds to listeners, predicted by another network than DNSMOS's: DistillMOS.

Source: Stahl, Gamper 2025 (arXiv 2502.05356); sizes and weights as the package distillmos 0.9.1 of
Microsoft (MIT) publishes them, under the names that the weights have there. It learned from the opinions of a
far larger network, on English and on speech that was degraded, coded, enhanced or synthesised.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from configs.errors import UserError
from models.published import build_strictly, is_table, read_content, require_finite
from models.threads import arithmetic_threads

SAMPLE_RATE = 16_000
FILE = "distill_mos_v7.pt"
WINDOW = 122_880
"""Samples that the network takes at once: 7.68 s."""
_LARGEST_STEP = SAMPLE_RATE
_N_FFT, _HOP = 320, 160
_COMPRESSION = 0.3
_CHANNELS = (64, 64, 128, 256, 256, 256)
_BANDS_LEFT = 4
"""Of the spectrum's 161, after the convolutions."""
_FRAMES, _WIDTH, _HEADS, _LAYERS = 384, 200, 8, 7
_QUIETEST = 1e-12


def distillmos(samples_16k: NDArray[np.float32], weights: Path) -> float:
    """Opinion from 1 (bad) to 5 (excellent) on `[T]` at 16 kHz, however loud.

    Longer speech is the mean of windows of 7.68 s, at most a second apart and reaching both ends; shorter
    speech is followed by silence, as published. Heard on one thread, so that it is the same everywhere.

    Args:
        samples_16k: One sample or more.
        weights: `FILE`, as it is published.

    Raises:
        UserError: the file is missing, damaged, or of another network.
    """
    network = _network(weights)
    speech = torch.from_numpy(np.asarray(samples_16k, dtype=np.float32))
    speech = functional.pad(speech, (0, max(WINDOW - len(speech), 0)))
    beyond = len(speech) - WINDOW
    starts = [int(share * beyond) for share in np.linspace(0, 1, math.ceil(beyond / _LARGEST_STEP) + 1)]
    with torch.inference_mode(), arithmetic_threads(1):
        # One by one: a minute of speech in one batch would take gigabytes.
        heard = [float(network(speech[None, start : start + WINDOW])) for start in starts]
    return float(np.mean(heard))


class DistillMos(nn.Module):
    """Waveforms `[B, WINDOW]` to opinions `[B]`."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = _Convolutions()
        self.transformer_pool_attn = _Transformer(_CHANNELS[-1] * _BANDS_LEFT)

    def forward(self, waves: Tensor) -> Tensor:
        loudest = waves.abs().amax(dim=1, keepdim=True)
        features = self.cnn(compressed_spectrum(waves / (loudest + 1e-8)))
        opinion: Tensor = 1 + 4 * self.transformer_pool_attn(features)
        return opinion


def compressed_spectrum(waves: Tensor) -> Tensor:
    """`[B, T]` to real and imaginary parts `[B, 2, 161, T // 160]`, magnitudes to the power .3."""
    edge = (_N_FFT - _HOP) // 2
    padded = functional.pad(waves, (edge, edge), mode="reflect")
    window = torch.hann_window(_N_FFT, device=waves.device)
    spectrum = torch.stft(padded, _N_FFT, _HOP, window=window, center=False, return_complex=True)
    magnitude = spectrum.abs().clamp(min=_QUIETEST)
    return torch.view_as_real(spectrum * magnitude ** (_COMPRESSION - 1)).permute(0, 3, 1, 2)


class _Convolutions(nn.Module):
    """Spectra `[B, 2, 161, F]` to features `[B, 1024, F / 2]`: all but the first halve the bands."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = (2, *_CHANNELS)
        for at, width in enumerate(_CHANNELS):
            stride = (2 if at else 1, 2 if at == len(_CHANNELS) - 1 else 1)
            layers += [nn.Conv2d(before[at], width, 3, stride, padding=(0, 1)), nn.LeakyReLU(0.1)]
        self.cnn = nn.Sequential(*layers)

    def forward(self, spectra: Tensor) -> Tensor:
        features: Tensor = self.cnn(spectra)
        return features.flatten(1, 2)


class _Transformer(nn.Module):
    """Features `[B, C, 384]` to opinions `[B]` of 0 to 1."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.norm_input = nn.BatchNorm1d(n_features)
        self.transformer = _Encoder(n_features)
        self.norm_trans = nn.BatchNorm1d(_WIDTH)
        self.pool = _AttentivePool()

    def forward(self, features: Tensor) -> Tensor:
        encoded = self.transformer(self.norm_input(features))
        opinion: Tensor = self.pool(self.norm_trans(encoded.mT).mT)
        return opinion.sigmoid()


class _Encoder(nn.Module):
    """Features `[B, C, 384]` to states `[B, 384, 200]`."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        # A second norm of what is normed already: their shifts and scales differ.
        self.norm = nn.BatchNorm1d(n_features)
        self.linear_proj = nn.Linear(n_features, _WIDTH)
        self.position_encoding = _Positions()
        layer = nn.TransformerEncoderLayer(_WIDTH, _HEADS, 2 * _WIDTH, dropout=0.0, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)

    def forward(self, features: Tensor) -> Tensor:
        states: Tensor = self.linear_proj(self.norm(features).mT)
        encoded: Tensor = self.transformer_encoder(self.position_encoding(states))
        return encoded


class _Positions(nn.Module):
    """Adds to each frame where it is; the table is among the published weights."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, _FRAMES, _WIDTH))
        self.pe: Tensor

    def forward(self, states: Tensor) -> Tensor:
        return states + self.pe


class _AttentivePool(nn.Module):
    """States `[B, F, 200]` to `[B]`: frames weighed by how much they tell, then one number."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(_WIDTH, 2 * _WIDTH)
        self.linear2 = nn.Linear(2 * _WIDTH, 1)
        self.linear3 = nn.Linear(_WIDTH, 1)

    def forward(self, states: Tensor) -> Tensor:
        weights = self.linear2(self.linear1(states).relu()).softmax(dim=1)
        pooled: Tensor = self.linear3((weights * states).sum(dim=1))
        return pooled.squeeze(-1)


@lru_cache(maxsize=1)
def _network(path: Path) -> DistillMos:
    content = read_content(path)
    weights = content.get("model") if isinstance(content, dict) else None
    if weights is None or not is_table(weights):
        raise UserError(
            f"{path}: has no table of weights; `voicewright models fetch distillmos` gets the file"
        )
    require_finite(weights, str(path))
    network, _ = build_strictly(DistillMos, weights, str(path))
    return network.eval().requires_grad_(False)
