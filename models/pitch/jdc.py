"""The pitch extractor of StyleTTS 2, frozen: joint detection and classification (Kum & Nam 2019).

Residual convolutions over a mel spectrogram and an LSTM over its frames; the one output is the pitch. Source:
StyleTTS 2's `Utils/JDC/model.py`; state-dict keys are those of its checkpoints' `pitch_extractor`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

_SLOPE = 0.01
_HALVINGS, _LAST_POOL = 3, 4


class PitchFeatures(NamedTuple):
    """What the extractor hears; D is the last of its widths, H an eighth of the mel bands."""

    f0_hz: Tensor
    """[B, T], not negative; near 0 where there is no voice."""
    bands: Tensor
    """[B, D, H, T] features of the last convolution."""
    pooled: Tensor
    """[B, D, T, H / 4], the LSTM's input before it is flattened."""


class PitchExtractor(nn.Module):
    """Mels [B, 1, n_mels, T] -> `PitchFeatures`, in fp32 and without a gradient.

    It is never trained here: it takes no gradient and stays in evaluation mode whatever its parent is set to,
    so its batch statistics are those of its checkpoint for good.

    Args:
        channels: widths of the first convolution and of the three residual blocks.
        lstm: width of each direction.
        n_mels: a multiple of 32.
    """

    def __init__(
        self, channels: Sequence[int] = (64, 128, 192, 256), lstm: int = 256, n_mels: int = 80
    ) -> None:
        super().__init__()
        first, second, third, last = channels
        read = last * (n_mels // 2**_HALVINGS // _LAST_POOL)
        self.conv_block = _convolutions(1, first)
        self.res_block1 = ResidualBlock(first, second)
        self.res_block2 = ResidualBlock(second, third)
        self.res_block3 = ResidualBlock(third, last)
        self.pool_block = nn.Sequential(
            nn.BatchNorm2d(last), nn.LeakyReLU(_SLOPE), nn.MaxPool2d((1, _LAST_POOL))
        )
        self.bilstm_classifier = nn.LSTM(read, lstm, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * lstm, 1)
        # The detector of voicing, which the checkpoints hold and nothing asks.
        self.detector_conv = nn.Sequential(
            nn.Conv2d(sum(channels), last, 1, bias=False), nn.BatchNorm2d(last)
        )
        self.bilstm_detector = nn.LSTM(read, lstm, batch_first=True, bidirectional=True)
        self.detector = nn.Linear(2 * lstm, 2)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "PitchExtractor":  # noqa: ARG002
        """Stays in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, mel: Tensor) -> PitchFeatures:
        with torch.autocast(mel.device.type, enabled=False):
            x = self.conv_block(mel.float().transpose(2, 3))
            x = self.res_block3(self.res_block2(self.res_block1(x)))
            norm, activation, pool = self.pool_block
            bands = activation(norm(x))
            pooled = pool(bands)
            heard, _ = self.bilstm_classifier(pooled.transpose(1, 2).flatten(2))
            return PitchFeatures(self.classifier(heard)[..., 0].abs(), bands.transpose(2, 3), pooled)


class ResidualBlock(nn.Module):
    """[B, C, T, H] -> [B, D, T, H / 2]."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.pre_conv = nn.Sequential(nn.BatchNorm2d(n_in), nn.LeakyReLU(_SLOPE), nn.MaxPool2d((1, 2)))
        self.conv = _convolutions(n_in, n_out)
        self.conv1by1 = nn.Conv2d(n_in, n_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pre_conv(x)
        return self.conv(x) + self.conv1by1(x)


def _convolutions(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.LeakyReLU(_SLOPE),
        nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
    )
