"""The reconstruction loss of StyleTTS 2: distance of mel spectrograms at several resolutions, in fp32.

Source: StyleTTS 2's `losses.py` (`MultiResolutionSTFTLoss`). Its mel spectrogram has 128 bands over the whole
range of the sample rate, unlike the one that its networks read.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.frontend.mel_bands import htk_filterbank

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""The published ones: (n_fft, hop, window) in samples."""

N_MELS = 128
_FLOOR, _MEAN, _DEVIATION = 1e-5, -4.0, 4.0


class MultiResolutionMelLoss(nn.Module):
    """Mean over the resolutions of sum |real - fake| / sum |real|, each over the whole batch.

    Args:
        sample_rate: in Hz.
        resolutions: (n_fft, hop, window) in samples.
    """

    def __init__(
        self, sample_rate: int = 24_000, resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS
    ) -> None:
        super().__init__()
        self.spectra = nn.ModuleList(NormalisedMel(sample_rate, *each) for each in resolutions)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Both [B, S]; the recording takes no gradient."""
        return torch.stack(self.parts(fake, real)).mean()

    def parts(self, fake: Tensor, real: Tensor) -> list[Tensor]:
        """The distance at each resolution."""
        distances = []
        with torch.autocast(fake.device.type, enabled=False):
            for spectrum in self.spectra:
                with torch.no_grad():
                    meant = spectrum(real.float())
                distances.append((meant - spectrum(fake.float())).abs().sum() / meant.abs().sum())
        return distances


class NormalisedMel(nn.Module):
    """Waveforms [B, S] -> (ln(1e-5 + power in the bands) + 4) / 4, [B, 128, frames]."""

    bands: Tensor
    taper: Tensor

    def __init__(self, sample_rate: int, n_fft: int, hop: int, window: int) -> None:
        super().__init__()
        self.n_fft, self.hop, self.window = n_fft, hop, window
        bands = htk_filterbank(N_MELS, n_fft // 2 + 1, sample_rate / 2)
        self.register_buffer("bands", torch.from_numpy(bands), persistent=False)
        self.register_buffer("taper", torch.hann_window(window), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        spectrum = torch.stft(wave, self.n_fft, self.hop, self.window, self.taper, return_complex=True)
        mel = self.bands @ (spectrum.real.square() + spectrum.imag.square())
        return (torch.log(_FLOOR + mel) - _MEAN) / _DEVIATION
