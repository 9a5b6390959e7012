"""Sizes of Kokoro; the defaults are those of Kokoro-82M v1.0.

Source: the released `config.json` (see `models.kokoro.upstream`).
"""

from dataclasses import dataclass, field
from typing import Any

from configs.errors import UserError
from models.acoustics.decoder import DecoderConfig
from models.acoustics.plbert import PhonemeBertConfig

EDGE_TOKENS = 2
"""Pads, token 0, at both ends of every text."""


@dataclass(frozen=True)
class KokoroConfig:
    """Every size.

    Raises:
        UserError: sizes that cannot work together.
    """

    bert: PhonemeBertConfig = field(default_factory=PhonemeBertConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    text_kernel: int = 5
    n_layers: int = 3
    """Of the text encoder's convolutions and of the duration encoder."""
    max_dur: int = 50
    """Bins of the duration head, and so the longest duration, in frames of `frame_samples`."""
    n_mels: int = 80
    """Bands from which the energy is measured; no network reads them."""
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.decoder.kind != "istftnet":
            raise UserError(f"kokoro config: decoder.kind = {self.decoder.kind!r}: Kokoro has istftnet alone")
        if self.hidden % 2:
            raise UserError(
                f"kokoro config: decoder.channels = {self.hidden}: it must be even: recurrent layers run "
                "both ways"
            )

    @property
    def n_symbols(self) -> int:
        """Of the character table, ids without a character among them."""
        return self.bert.n_symbols

    @property
    def hidden(self) -> int:
        """Width of encoded text, and of what the decoder reads."""
        return self.decoder.channels

    @property
    def style_dim(self) -> int:
        """Width of each half of a voice's row: acoustic first, prosody second."""
        return self.decoder.style_dim

    @property
    def voice_width(self) -> int:
        """Width of a voice's row, both halves."""
        return 2 * self.style_dim

    @property
    def voice_rows(self) -> int:
        """Rows of a voice: one per number of phonemes that a text can have."""
        return self.bert.positions - EDGE_TOKENS

    @property
    def frame_samples(self) -> int:
        """Samples per frame of durations."""
        return 2 * self.decoder.hop_samples


TINY = KokoroConfig(
    bert=PhonemeBertConfig(embedding=32, hidden=64, heads=4, intermediate=128, layers=3),
    decoder=DecoderConfig(
        channels=64, style_dim=32, hidden=96, text_channels=16, upsample_initial=64, resblock_kernels=(3, 7)
    ),
    n_layers=2,
)
"""Sizes that train on a CPU in minutes; they prove the machinery, not the quality."""


def config_from_json(sizes: dict[str, Any]) -> KokoroConfig:
    """What `dataclasses.asdict` made, after JSON. Raises TypeError on unknown names."""
    decoder: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in sizes["decoder"].items()
    }
    rest = {name: value for name, value in sizes.items() if name not in ("bert", "decoder")}
    return KokoroConfig(bert=PhonemeBertConfig(**sizes["bert"]), decoder=DecoderConfig(**decoder), **rest)
