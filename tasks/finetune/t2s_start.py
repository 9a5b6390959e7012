"""The text-to-semantic decoder as a training run starts with it: published, or from nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import torch

from artifacts import digest
from configs.errors import UserError
from configs.train_t2s import T2sTrainSettings
from models.t2s.config import T2SConfig, t2s_config
from models.t2s.model import TextToSemantic
from models.t2s.upstream import load_decoder
from tasks.finetune.batches import derive_seed

_REMEDIES = {
    "n_codes": "its codes must be those of the SoVITS network: start both from published weights, or neither",
    "linguistic_channels": "set features.linguistic.dim to that",
}


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
    sizes = {k: v for k, v in settings.sizes.model_dump().items() if v is not None}
    config = t2s_config(
        settings.version,
        **sizes,
        n_symbols=n_symbols,
        n_codes=n_codes,
        linguistic_channels=linguistic_channels,
    )
    if settings.pretrained is None:
        torch.manual_seed(derive_seed(seed, "t2s", "weights"))
        return Start(TextToSemantic(config), {})
    source = Path(settings.pretrained)
    loaded = load_decoder(source)
    refuse_misfit(config, loaded.config, source)
    decoder = TextToSemantic(replace(config, n_symbols=loaded.config.n_symbols))
    decoder.load_state_dict(loaded.state_dict())
    return Start(decoder, {"decoder": digest.of_file(source)})


def refuse_misfit(wanted: T2SConfig, found: T2SConfig, source: Path) -> None:
    """See that a published decoder is the one that the settings and the corpus ask for.

    Raises:
        UserError: it is not; the first size that differs is named with both values and the remedy.
    """
    if found.n_symbols < wanted.n_symbols:
        raise UserError(
            f"train.t2s.pretrained = {source}: it knows {found.n_symbols} symbols, but the voice's table has "
            f"{wanted.n_symbols}; give the file of the version that family.symbol_table belongs to"
        )
    ours = asdict(replace(wanted, n_symbols=found.n_symbols, dropout=found.dropout))
    theirs = asdict(found)
    for name in sorted(ours, key=lambda name: name not in _REMEDIES):
        if ours[name] != theirs[name]:
            remedy = _REMEDIES.get(name, f"leave train.t2s.sizes.{name} unset, or give another file")
            raise UserError(
                f"train.t2s.pretrained = {source}: its {name} is {theirs[name]}, but this voice needs "
                f"{ours[name]}; {remedy}"
            )
