"""How much speech sounds like a speaker, with a gradient: GE2E (`models.speaker.ge2e`) at any sample rate.

The encoder hears bands up to 8 kHz in windows of 25 ms every 10 ms. At a higher rate the same windows have
the same bins below 8 kHz, so nothing is resampled: what lies above is left out, and the power scaled by the
window.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.frontend.mel import SpectrogramParameters, slaney_filterbank
from models.layers.precision import full_precision
from models.layers.recurrent import let_gradients_pass
from models.speaker.ge2e import N_MELS, SAMPLE_RATE, WINDOW_FRAMES, Ge2eEncoder

WINDOW_S = WINDOW_FRAMES / 100
"""What the encoder sees at once; less tells little."""
_STEP_FRAMES = 80
_FLOOR_DBFS = -30.0
"""Quieter speech is brought up to this level, as it was when the encoder learnt."""
_BANDS = SpectrogramParameters(sample_rate=SAMPLE_RATE, n_fft=400, hop_samples=160, n_mels=N_MELS)


class SpeakerLikeness(nn.Module):
    """Waveforms to unit vectors.

    Args:
        encoder: Its weights are copied and learn nothing.
        sample_rate: Of the waveforms, Hz; 16 kHz or more, with whole samples in 5 ms.
    """

    bands: Tensor
    taper: Tensor

    def __init__(self, encoder: Ge2eEncoder, sample_rate: int) -> None:
        super().__init__()
        # A copy: who else embeds with this encoder must not find it moved to another device.
        self.encoder = copy.deepcopy(encoder)
        let_gradients_pass(self.encoder)
        self.n_fft, self.hop = sample_rate // 40, sample_rate // 100
        self.register_buffer("bands", torch.from_numpy(slaney_filterbank(_BANDS)), persistent=False)
        self.register_buffer("taper", torch.hann_window(self.n_fft), persistent=False)

    def forward(self, waves: Tensor) -> Tensor:
        """Embeddings [B, 256] of speech [B, S]: windows of 1.6 s, or all of it where it is shorter.

        In fp32 under autocast too: what half precision changes is as much as versions of a voice differ by.
        """
        with full_precision(waves):
            windows = self._mels(waves).unfold(1, self._window(waves), _STEP_FRAMES).transpose(2, 3)
            found = self.encoder(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
            return functional.normalize(found.mean(1), dim=1)

    def _window(self, waves: Tensor) -> int:
        return min(WINDOW_FRAMES, waves.shape[1] // self.hop)

    def _mels(self, waves: Tensor) -> Tensor:
        """Power [B, N, 40]."""
        waves = waves.float()
        level_dbfs = 10 * torch.log10(waves.detach().square().mean(1, keepdim=True) + 1e-12)
        waves = waves * 10 ** ((_FLOOR_DBFS - level_dbfs).clamp(min=0) / 20)
        spectrum = torch.stft(
            waves,
            self.n_fft,
            self.hop,
            window=self.taper,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )[:, : self.bands.shape[1]]
        scale = (_BANDS.n_fft / self.n_fft) ** 2
        power = (spectrum.real.square() + spectrum.imag.square()) * scale
        return (self.bands @ power).transpose(1, 2)
