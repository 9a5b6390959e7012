"""The text-to-semantic decoder as a training run starts with it: published, or from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from artifacts import digest
from configs.errors import UserError
from configs.train_t2s import T2sTrainSettings
from models.frontend.text.symbols import load_symbol_table
from models.seeds import derive_seed
from models.t2s.config import t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder
from tasks.finetune.gpt_sovits.exported import SUFFIX, sizes_beside
from tasks.finetune.gpt_sovits.trained import load_decoder as load_trained


class Start(NamedTuple):
    """The decoder on the CPU, and where it comes from.

    Attributes:
        decoder: In training mode.
        digests: SHA-256 of the published file, by network; empty from scratch.
    """

    decoder: TextToSemantic
    digests: dict[str, str]


def starting_decoder(
    settings: T2sTrainSettings, symbol_table: str, n_codes: int, linguistic_channels: int, seed: int
) -> Start:
    """The decoder of a run.

    Args:
        settings: Version, sizes, and the published file if there is one.
        symbol_table: The voice's.
        n_codes: Semantic codes of the voice's SoVITS network.
        linguistic_channels: Size of the linguistic features.
        seed: The run's seed.

    Raises:
        UserError: the published file cannot be read, or does not fit the voice.
    """
    n_symbols = len(load_symbol_table(symbol_table).symbols)
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
    decoder = _loaded(source)
    has = decoder.config
    # Published files of v1 keep room beyond their table's symbols.
    room = {"gpt-sovits-v1": t2s_config("v1").n_symbols}.get(symbol_table, n_symbols)
    for what, given, needed, remedy in (
        ("symbols", has.n_symbols, room, f"the table {symbol_table} has others; check family.symbol_table"),
        ("codes", has.n_codes, n_codes, "start SoVITS from the same version's published weights"),
        (
            "channels of linguistic features",
            has.linguistic_channels,
            linguistic_channels,
            "set features.linguistic.dim to that",
        ),
    ):
        if given != needed:
            raise UserError(
                f"train.t2s.pretrained = {source}: was trained with {given} {what}, this voice needs "
                f"{needed}; {remedy}"
            )
    return Start(decoder.train(), {"decoder": digest.of_file(source)})


def _loaded(path: Path) -> TextToSemantic:
    """The decoder of GPT-SoVITS's own file, or of an exported voice."""
    if path.suffix != SUFFIX:
        return load_decoder(path)
    return load_trained(path, sizes_beside(path, "t2s", "train.t2s.pretrained")).requires_grad_(True)
