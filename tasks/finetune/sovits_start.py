"""The SoVITS networks as a training run starts with them: from published weights, or from nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from artifacts import digest
from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.mel import SpectrogramParameters
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import load_discriminator, load_generator
from tasks.finetune.batches import derive_seed
from tasks.finetune.examples import Examples

CODEBOOK_FRAMES = 100_000
"""Content frames (50 per second) that the codebook's k-means sees at most; it needs them all in memory."""

_REMEDIES = {
    "content_channels": "published weights read HuBERT features: set features.content.backend=hubert",
    "n_symbols": "set family.symbol_table to the table of the file's version; languages that no such table "
    "holds train from scratch",
    "version": "set train.sovits.version to the file's version, or give the file of that version",
}


class Start(NamedTuple):
    """Networks on the CPU, and where they come from.

    Attributes:
        generator, discriminator: In training mode.
        origin: SHA-256 of each published file that was used, by network; empty from scratch.
        warnings: What the user should know.
    """

    generator: SovitsGenerator
    discriminator: MultiPeriodDiscriminator
    origin: dict[str, str]
    warnings: tuple[str, ...]


def model_config(
    settings: SovitsTrainSettings, frame: SpectrogramParameters, n_symbols: int, content_channels: int
) -> SovitsConfig:
    """The network's sizes: the published version's, changed by the settings and by the data.

    Raises:
        UserError: sizes that contradict each other.
    """
    sizes = {k: v for k, v in settings.sizes.model_dump().items() if v is not None}
    return sovits_config(
        settings.version,
        **sizes,
        n_symbols=n_symbols,
        content_channels=content_channels,
        freeze_quantizer=settings.freeze_quantizer,
        sample_rate=frame.sample_rate,
        hop_samples=frame.hop_samples,
        n_fft=frame.n_fft,
        n_mels=frame.n_mels,
    )


def starting_networks(
    settings: SovitsTrainSettings, config: SovitsConfig, examples: Examples, seed: int
) -> Start:
    """Both networks of a run.

    Raises:
        UserError: a published file cannot be read, or does not fit the voice.
    """
    torch.manual_seed(derive_seed(seed, "sovits", "weights"))
    generator = SovitsGenerator(config)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    if settings.pretrained is None:
        fit_codebook(generator, examples, seed)
        return Start(generator, discriminator, {}, ())
    warnings = []
    source = Path(settings.pretrained)
    loaded = load_generator(source)
    refuse_misfit(config, loaded.generator.config, source)
    if loaded.missing and not settings.fresh_posterior:
        raise UserError(
            f"train.sovits.pretrained = {source}: it was made for speaking and lacks the posterior encoder; "
            "give the s2G file that training starts from, or set train.sovits.fresh_posterior=true to train "
            "that part from nothing, which takes far more speech and steps"
        )
    fresh = set(loaded.missing)
    known = {name: t for name, t in loaded.generator.state_dict().items() if name not in fresh}
    generator.load_state_dict(generator.state_dict() | known)
    if fresh:
        warnings.append(f"{source.name}: the posterior encoder starts from nothing")
    origin = {"generator": digest.of_file(source)}
    if settings.pretrained_discriminator is None:
        warnings.append(
            "train.sovits.pretrained_discriminator is not set: the discriminators start from nothing, and "
            "the voice sounds worse before it sounds better"
        )
    else:
        judge = Path(settings.pretrained_discriminator)
        discriminator = load_discriminator(judge, config)
        origin["discriminator"] = digest.of_file(judge)
    return Start(generator, discriminator, origin, tuple(warnings))


def refuse_misfit(wanted: SovitsConfig, found: SovitsConfig, source: Path) -> None:
    """See that a published generator is the network that the settings and the corpus ask for.

    Raises:
        UserError: it is not; the first size that differs is named with both values and the remedy.
    """
    # What training may change freely, and what belongs to the discriminators' own file.
    free: dict[str, Any] = {
        "dropout": found.dropout,
        "freeze_quantizer": found.freeze_quantizer,
        "segment_frames": found.segment_frames,
        "discriminator_periods": found.discriminator_periods,
        "discriminator_divisor": found.discriminator_divisor,
        "mel_max_hz": found.mel_max_hz,
    }
    ours, theirs = asdict(replace(wanted, **free)), asdict(found)
    # In this order: a wrong version explains most other differences.
    names = sorted(ours, key=lambda name: (name not in _REMEDIES, name != "version"))
    for name in names:
        if ours[name] != theirs[name]:
            remedy = _REMEDIES.get(name, f"leave train.sovits.sizes.{name} unset, or give another file")
            raise UserError(
                f"train.sovits.pretrained = {source}: its {name} is {theirs[name]}, but this voice needs "
                f"{ours[name]}; {remedy}"
            )


def fit_codebook(generator: SovitsGenerator, examples: Examples, seed: int) -> None:
    """Set the codebook of an untrained generator by k-means of the corpus's content features."""
    rng = torch.Generator().manual_seed(derive_seed(seed, "sovits", "codebook"))
    order = torch.randperm(len(examples), generator=rng).tolist()
    clips: list[Tensor] = []
    frames = 0
    for index in order:
        content = torch.from_numpy(examples[index].content).float()
        clips.append(content)
        frames += content.shape[1]
        if frames > CODEBOOK_FRAMES:
            break
    generator.initialize_codebook(clips, rng)
