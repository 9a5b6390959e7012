"""The text-to-semantic decoder as a training run starts with it: published, or from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from artifacts import digest
from configs.errors import UserError
from configs.train_t2s import T2sTrainSettings
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder
from tasks.finetune.batches import derive_seed


class Start(NamedTuple):
    """The decoder on the CPU, and where it comes from.

    Attributes:
        decoder: In training mode.
        digests: SHA-256 of the published file, by network; empty from scratch.
    """

    decoder: TextToSemantic
    digests: dict[str, str]


def starting_decoder(
    settings: T2sTrainSettings, n_symbols: int, n_codes: int, linguistic_channels: int, seed: int
) -> Start:
    """The decoder of a run.

    Args:
        settings: Version, sizes, and the published file if there is one.
        n_symbols: Of the voice's symbol table; a published decoder may know more of them.
        n_codes: Semantic codes of the voice's SoVITS network.
        linguistic_channels: Size of the linguistic features.
        seed: The run's seed.

    Raises:
        UserError: the published file cannot be read, or does not fit the voice.
    """
    if settings.pretrained is None:
        sizes = {k: v for k, v in settings.sizes.model_dump().items() if v is not None}
        config = t2s_config(
            settings.version,
            **sizes,
            n_symbols=n_symbols,
            n_codes=n_codes,
            linguistic_channels=linguistic_channels,
        )
        torch.manual_seed(derive_seed(seed, "t2s", "weights"))
        return Start(TextToSemantic(config), {})
    source = Path(settings.pretrained)
    decoder = load_decoder(source)
    has = decoder.config
    # Files of v1 keep room beyond their table's symbols, so that one may know more than the voice needs.
    for what, fits, given, needed, remedy in (
        ("symbols", has.n_symbols >= n_symbols, has.n_symbols, n_symbols, "check family.symbol_table"),
        (
            "codes",
            has.n_codes == n_codes,
            has.n_codes,
            n_codes,
            "start SoVITS from the same version's weights",
        ),
        (
            "linguistic channels",
            has.linguistic_channels == linguistic_channels,
            has.linguistic_channels,
            linguistic_channels,
            "set features.linguistic.dim to that",
        ),
    ):
        if not fits:
            raise UserError(
                f"train.t2s.pretrained = {source}: was trained with {given} {what}, but this voice needs "
                f"{needed}; {remedy}"
            )
    return Start(decoder.train(), {"decoder": digest.of_file(source)})
