"""Sizes of the StyleTTS 2 networks: one dataclass, the published models as values of it.

Numbers are those of StyleTTS 2's `Configs/config.yml` (LJSpeech) and `Configs/config_libritts.yml`, and, for
what the configurations leave to the code, of `models.py`, `Modules/` and `Utils/`.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

from configs.errors import UserError
from models.acoustics.decoder import DecoderConfig
from models.acoustics.plbert import PhonemeBertConfig
from models.losses.spectral import RESOLUTIONS


@dataclass(frozen=True)
class StyleTTS2Config:
    """Every size of every network. Widths are channels; the defaults are those of LJSpeech.

    Decoder and PL-BERT are Kokoro's too, and have their sizes where they are.

    Raises:
        UserError: sizes that cannot work together (see `__post_init__`).
    """

    version: str = "ljspeech"
    sample_rate: int = DecoderConfig.sample_rate
    hop_samples: int = DecoderConfig.hop_samples
    """Samples per frame of mel, pitch and energy; a frame of durations is two of them."""
    n_mels: int = 80
    n_symbols: int = PhonemeBertConfig.n_symbols
    multispeaker: bool = False
    """The style diffusion also reads the style of a reference."""
    dropout: float = 0.2

    hidden: int = DecoderConfig.channels
    """Width of encoded text, and of what the decoder reads."""
    style_dim: int = DecoderConfig.style_dim
    """Width of each half of a style: acoustic first, prosody second."""
    text_kernel: int = 5
    n_layers: int = 3
    """Of the text encoder's convolutions and of the duration encoder."""
    max_dur: int = 50
    """Bins of the duration head, and so the longest duration, in frames of 600 samples."""
    style_dim_in: int = 64
    """Width of the style encoders' first layer, doubled at each of the first three halvings."""
    style_max_dim: int = 512

    bert_embedding: int = PhonemeBertConfig.embedding
    bert_hidden: int = PhonemeBertConfig.hidden
    bert_heads: int = PhonemeBertConfig.heads
    bert_intermediate: int = PhonemeBertConfig.intermediate
    bert_layers: int = PhonemeBertConfig.layers
    """All with the same weights, as ALBERT has them."""
    bert_positions: int = PhonemeBertConfig.positions
    """Longest token sequence."""

    decoder: Literal["istftnet", "hifigan"] = DecoderConfig.kind
    decoder_hidden: int = DecoderConfig.hidden
    decoder_text: int = DecoderConfig.text_channels
    """Width at which the decoder's blocks read the text again."""
    upsample_rates: tuple[int, ...] = DecoderConfig.upsample_rates
    upsample_kernels: tuple[int, ...] = DecoderConfig.upsample_kernels
    upsample_initial: int = DecoderConfig.upsample_initial
    """Halved at each upsampling."""
    resblock_kernels: tuple[int, ...] = DecoderConfig.resblock_kernels
    resblock_dilations: tuple[int, ...] = DecoderConfig.resblock_dilations
    istft_n_fft: int = DecoderConfig.istft_n_fft
    istft_hop: int = DecoderConfig.istft_hop
    """Both of the `istftnet` decoder's last step alone."""
    frame_delay: int = 0
    """Frames by which speaking holds text and prosody back; 1 for the published `hifigan` model."""
    trailing_frames: int = 0
    """Frames that speaking adds to the last token; 5 for the published LJSpeech model."""

    diffusion_layers: int = 3
    diffusion_heads: int = 8
    diffusion_head_features: int = 64
    diffusion_multiplier: int = 2
    """Width of the feed-forward layers over the transformer's own."""
    diffusion_sigma_data: float = 0.2
    """Spread of styles that the denoiser's scalings take for granted; training estimates it."""
    diffusion_log_mean: float = -3.0
    diffusion_log_std: float = 1.0
    """Of the noise levels drawn in training, as natural logarithms."""
    diffusion_mask_probability: float = 0.1
    """How often training hides the text, so that guidance has something to guide away from."""

    aligner_mfcc: int = 40
    aligner_hidden: int = 256
    aligner_layers: int = 6
    aligner_attention: int = 128
    """Width of the decoder's state, the attention and the encoder's output."""
    aligner_embedding: int = 512
    aligner_location_channels: int = 32
    aligner_location_kernel: int = 63

    pitch_channels: tuple[int, ...] = (64, 128, 192, 256)
    pitch_lstm: int = 256

    discriminator_periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    discriminator_channels: tuple[int, ...] = (32, 128, 512, 1024, 1024)
    resolution_channels: int = 32
    resolutions: tuple[tuple[int, int, int], ...] = RESOLUTIONS
    """(n_fft, hop, window) of each spectrogram discriminator and of each part of the spectral losses."""
    slm_hidden: int = 768
    slm_layers: int = 13
    """Hidden states of the speech language model, its input embedding among them."""
    slm_channels: int = 64

    def __post_init__(self) -> None:
        last_step = self.istft_hop if self.decoder == "istftnet" else 1
        problems = {
            "decoder": (self.decoder not in ("istftnet", "hifigan"), "use istftnet or hifigan"),
            "upsample_rates": (
                prod(self.upsample_rates) * last_step != self.hop_samples,
                f"their product times {last_step} must be hop_samples = {self.hop_samples}",
            ),
            "upsample_kernels": (
                len(self.upsample_kernels) != len(self.upsample_rates),
                "give one kernel per upsample rate",
            ),
            "upsample_initial": (
                self.upsample_initial % 2 ** len(self.upsample_rates) != 0,
                f"it must be a multiple of 2^{len(self.upsample_rates)}: it is halved at each stage",
            ),
            "hidden": (self.hidden % 2 != 0, "it must be even: recurrent layers run both ways"),
            "bert_hidden": (
                self.bert_hidden % self.bert_heads != 0,
                f"it must be a multiple of bert_heads = {self.bert_heads}",
            ),
            "istft_n_fft": (
                self.istft_n_fft != 4 * self.istft_hop,
                f"it must be four times istft_hop = {self.istft_hop}",
            ),
        }
        for name, (wrong, remedy) in problems.items():
            if wrong:
                raise UserError(f"styletts2 config: {name} = {getattr(self, name)!r}: {remedy}")

    @property
    def frame_samples(self) -> int:
        """Samples per frame of durations."""
        return 2 * self.hop_samples

    @property
    def full_style(self) -> int:
        """Width of a whole style, both halves."""
        return 2 * self.style_dim


VERSIONS: dict[str, dict[str, Any]] = {
    "ljspeech": {"trailing_frames": 5},
    "libritts": {
        "multispeaker": True,
        "decoder": "hifigan",
        "upsample_rates": (10, 5, 3, 2),
        "upsample_kernels": (20, 10, 6, 4),
        "frame_delay": 1,
    },
}
"""What each published model changes of the defaults."""

TINY: dict[str, Any] = {
    "hidden": 64,
    "style_dim": 32,
    "n_layers": 2,
    "style_dim_in": 16,
    "style_max_dim": 64,
    "bert_embedding": 32,
    "bert_hidden": 64,
    "bert_heads": 4,
    "bert_intermediate": 128,
    "bert_layers": 3,
    "decoder_hidden": 96,
    "decoder_text": 16,
    "upsample_initial": 64,
    "resblock_kernels": (3, 7),
    "diffusion_layers": 2,
    "diffusion_heads": 2,
    "diffusion_head_features": 16,
    "aligner_hidden": 64,
    "aligner_layers": 3,
    "aligner_attention": 64,
    "aligner_embedding": 64,
    "aligner_location_channels": 8,
    "pitch_channels": (16, 24, 32, 48),
    "pitch_lstm": 32,
    "discriminator_periods": (2, 3, 5),
    "discriminator_channels": (8, 16, 32, 64, 64),
    "resolution_channels": 8,
    "slm_channels": 16,
}
"""Sizes that train on a CPU in minutes; they prove the machinery, not the quality."""


def styletts2_config(version: str, **sizes: Any) -> StyleTTS2Config:
    """The config of a published model, with any size replaced: `styletts2_config("ljspeech", **TINY)`.

    Raises:
        UserError: the version is not known, or the sizes contradict each other.
    """
    if version not in VERSIONS:
        raise UserError(f"styletts2 version {version!r} is not known; use one of {', '.join(VERSIONS)}")
    return replace(StyleTTS2Config(), version=version, **{**VERSIONS[version], **sizes})
