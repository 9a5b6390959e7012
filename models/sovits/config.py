"""Sizes of the SoVITS generator and discriminator: one dataclass, the published versions as values of it.

Numbers are those of GPT-SoVITS's `configs/s2.json`, `s2v2Pro.json` and `s2v2ProPlus.json`; the symbol-table
sizes and the 704-bin style encoder come from `module/models.py`.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from configs.errors import UserError
from models.frontend.mel import SpectrogramParameters


@dataclass(frozen=True)
class SovitsConfig:
    """Every size the two networks need. Time is counted in spectrogram frames of `hop_samples`.

    Raises:
        UserError: sizes that cannot work together (see `__post_init__`).
    """

    version: str = "v2"
    n_symbols: int = 732
    content_channels: int = 768
    """Width of the content features: 768 for HuBERT, 39 for MFCC."""

    sample_rate: int = 32000
    hop_samples: int = 640
    n_fft: int = 2048
    n_mels: int = 128
    """Bands of the mel loss."""
    mel_min_hz: float = 0.0
    mel_max_hz: float | None = None
    """Upper edge of the mel bands; None is half the sample rate."""
    segment_frames: int = 32
    """Frames given to the vocoder (and so to the discriminator) in one training step."""
    style_bins: int = 704
    """Lowest bins of the linear spectrogram that the style encoder reads; v1 reads all 1025."""

    latent_channels: int = 192
    hidden_channels: int = 192
    filter_channels: int = 768
    n_heads: int = 2
    text_layers: int = 6
    content_layers: int = 3
    """Layers before and again after the text is attended to."""
    kernel_size: int = 3
    dropout: float = 0.1

    mrte_channels: int = 512
    mrte_heads: int = 4
    style_hidden: int = 128
    style_heads: int = 2
    style_channels: int = 512
    """Width of the style vector that conditions posterior, flow and vocoder (`gin_channels`)."""
    speaker_vector_channels: int = 0
    """Width of the outside speaker vector; 20480 in v2Pro, 0 = there is none."""

    posterior_layers: int = 16
    flow_layers: int = 4
    n_flows: int = 4

    codebook_size: int = 1024
    freeze_quantizer: bool = True
    """Keep `ssl_proj` and the codebook as they are, as fine-tuning does."""

    upsample_rates: tuple[int, ...] = (10, 8, 2, 2, 2)
    upsample_kernels: tuple[int, ...] = (16, 16, 8, 2, 2)
    upsample_initial: int = 512
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    resblock_dilations: tuple[int, ...] = (1, 3, 5)

    discriminator_periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    discriminator_divisor: int = 1
    """Divides every channel count of the discriminators; 1 is the published width."""

    def __post_init__(self) -> None:
        problems = {
            "upsample_rates": (
                prod(self.upsample_rates) != self.hop_samples,
                f"their product must be hop_samples = {self.hop_samples}",
            ),
            "upsample_kernels": (
                len(self.upsample_kernels) != len(self.upsample_rates),
                "give one kernel per upsample rate",
            ),
            "upsample_initial": (
                self.upsample_initial % 2 ** len(self.upsample_rates) != 0,
                f"it must be a multiple of 2^{len(self.upsample_rates)}: it is halved at each stage",
            ),
            "hidden_channels": (
                self.hidden_channels % self.n_heads != 0,
                f"it must be a multiple of n_heads = {self.n_heads}",
            ),
            "mrte_channels": (
                self.mrte_channels % self.mrte_heads != 0,
                f"it must be a multiple of mrte_heads = {self.mrte_heads}",
            ),
            "latent_channels": (self.latent_channels % 2 != 0, "it must be even: the flow halves it"),
            "style_bins": (
                self.style_bins > self.spec_channels,
                f"it must be at most n_fft / 2 + 1 = {self.spec_channels}",
            ),
            "style_channels": (
                self.speaker_vector_channels == 0 and self.style_channels != self.mrte_channels,
                f"without a speaker vector it must equal mrte_channels = {self.mrte_channels}",
            ),
        }
        for name, (wrong, remedy) in problems.items():
            if wrong:
                raise UserError(f"sovits config: {name} = {getattr(self, name)!r}: {remedy}")

    @property
    def spec_channels(self) -> int:
        """Bins of the linear spectrogram."""
        return self.n_fft // 2 + 1

    @property
    def spectrogram(self) -> SpectrogramParameters:
        """The linear spectrogram the networks read and the mel bands of the loss."""
        return SpectrogramParameters(
            self.sample_rate,
            self.n_fft,
            self.hop_samples,
            self.n_mels,
            self.mel_min_hz,
            self.mel_max_hz,
        )

    @property
    def segment_samples(self) -> int:
        return self.segment_frames * self.hop_samples

    @property
    def uses_speaker_vector(self) -> bool:
        return self.speaker_vector_channels > 0


_PRO = {
    "style_channels": 1024,
    "speaker_vector_channels": 20480,
    "dropout": 0.0,
    "discriminator_periods": (2, 3, 5, 7, 11, 17, 23),
}
VERSIONS: dict[str, dict[str, Any]] = {
    "v1": {"n_symbols": 322, "style_bins": 1025},
    "v2": {},
    "v2Pro": _PRO,
    "v2ProPlus": {**_PRO, "upsample_initial": 768, "upsample_kernels": (20, 16, 8, 2, 2)},
}
"""What each published version changes of the defaults (which are v2)."""


def sovits_config(version: str, **sizes: Any) -> SovitsConfig:
    """The config of a published version, with any size replaced: `sovits_config("v2", n_flows=2)`.

    Raises:
        UserError: the version is not known, or the sizes contradict each other.
    """
    if version not in VERSIONS:
        raise UserError(f"sovits version {version!r} is not known; use one of {', '.join(VERSIONS)}")
    return replace(SovitsConfig(), version=version, **{**VERSIONS[version], **sizes})
