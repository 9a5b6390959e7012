"""Distances of spectrograms at several resolutions, in fp32.

That of StyleTTS 2's mel spectrogram is its reconstruction loss. Source: its `losses.py`
(`MultiResolutionSTFTLoss`). It has 128 bands over the whole range of the sample rate, unlike the one that the
networks read. That of plain spectrograms is what vocoders are more often trained by.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.frontend.mel_bands import htk_filterbank

RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""The published ones: (n_fft, hop, window) in samples."""

N_MELS = 128
SOFTEST = 10**-3.5
"""Magnitude that softer ones count as, of samples in -1 to 1."""
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


class MultiResolutionStftLoss(nn.Module):
    """Mean over the resolutions of spectral convergence plus the distance of log magnitudes.

    Spectral convergence is |M_real - M_fake| / |M_real| in the Frobenius norm over the whole batch, M the
    magnitudes of all bins; the other is the mean of |ln M_real - ln M_fake|. Sources: Arik et al. 2018
    (arXiv:1808.06719) for both, Yamamoto et al. 2020 (arXiv:1910.11480) for several resolutions at once.

    Args:
        resolutions: (n_fft, hop, window) in samples.
    """

    def __init__(self, resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS) -> None:
        super().__init__()
        self.spectra = nn.ModuleList(Magnitudes(*each) for each in resolutions)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """Both [B, S], a scalar; the recording takes no gradient."""
        distances = []
        with torch.autocast(fake.device.type, enabled=False):
            for spectrum in self.spectra:
                with torch.no_grad():
                    meant = spectrum(real.float())
                made = spectrum(fake.float())
                convergence = torch.linalg.vector_norm(meant - made) / torch.linalg.vector_norm(meant)
                distances.append(convergence + (meant.log() - made.log()).abs().mean())
        return torch.stack(distances).mean()


class Magnitudes(nn.Module):
    """Waveforms [B, S] -> magnitudes [B, n_fft / 2 + 1, frames], at least `SOFTEST`."""

    taper: Tensor

    def __init__(self, n_fft: int, hop: int, window: int) -> None:
        super().__init__()
        self.n_fft, self.hop, self.window = n_fft, hop, window
        self.register_buffer("taper", torch.hann_window(window), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        spectrum = torch.stft(wave, self.n_fft, self.hop, self.window, self.taper, return_complex=True)
        # Below, a root's gradient and a logarithm grow without end.
        return (spectrum.real.square() + spectrum.imag.square()).clamp(min=SOFTEST**2).sqrt()
