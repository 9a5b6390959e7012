"""A Kokoro small enough for tests, and texts of different lengths for it."""

from typing import NamedTuple

import torch
from torch import Tensor

from models.acoustics.decoder import DecoderConfig
from models.acoustics.plbert import PhonemeBertConfig
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.kokoro.step import KokoroNetworks
from models.kokoro.voice_table import VoiceTable, VoiceTableConfig

CONFIG = KokoroConfig(
    bert=PhonemeBertConfig(
        n_symbols=178, embedding=8, hidden=16, heads=2, intermediate=16, layers=1, positions=24
    ),
    decoder=DecoderConfig(
        channels=16, style_dim=8, hidden=16, text_channels=4, upsample_initial=16, resblock_kernels=(3,)
    ),
    n_layers=2,
    max_dur=8,
)


class Texts(NamedTuple):
    tokens: Tensor
    lengths: Tensor
    rows: Tensor


def model(seed: int = 0) -> Kokoro:
    torch.manual_seed(seed)
    built = Kokoro(CONFIG).eval()
    # Short durations, so that rows differ in frames; a pitch that is a voice's.
    torch.nn.init.normal_(built.predictor.duration_proj.linear_layer.bias, -0.5)
    torch.nn.init.constant_(built.predictor.F0_proj.bias, 120.0)
    return built


def texts(lengths: tuple[int, ...] = (9, 14, 6), seed: int = 1) -> Texts:
    rng = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, CONFIG.n_symbols, (len(lengths), max(lengths)), generator=rng)
    for row, length in enumerate(lengths):
        tokens[row, [0, *range(length - 1, max(lengths))]] = 0
    rows = torch.randn(len(lengths), CONFIG.voice_width, generator=rng)
    return Texts(tokens, torch.tensor(lengths), rows)


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(100 + row) for row in range(count)]


def networks(seed: int = 0, adversarial: bool = True) -> KokoroNetworks:
    """All of a run's networks with random weights, and two speakers, `a` and `b`."""
    built = model(seed)
    speakers = torch.nn.functional.normalize(torch.randn(2, 12), dim=1)
    table = VoiceTable(VoiceTableConfig(12, CONFIG.voice_rows, CONFIG.voice_width, latent=8, waves=3))
    mpd = MultiPeriodDiscriminator((2, 3), channels=(2, 4, 4, 4, 4), has_scale=False)
    msd = MultiResolutionDiscriminator(((512, 120, 480),), 2)
    judges = {"mpd": mpd, "msd": msd} if adversarial else {}
    return KokoroNetworks(built, table, speakers, ("a", "b"), **judges)  # type: ignore[arg-type]
