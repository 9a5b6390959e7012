"""What a SoVITS voice starts from: published weights that fit the settings and the data, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from artifacts.digest import of_file
from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.mel import SpectrogramParameters
from models.seeds import derive_seed
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.upstream import LoadedGenerator, load_discriminator, load_generator
from tasks.finetune.gpt_sovits.exported import SUFFIX, sizes_beside
from tasks.finetune.gpt_sovits.trained import read_generator

# Sizes of training, of its losses and of the discriminators: a generator's file does not bind them.
FREE = (
    "freeze_quantizer",
    "dropout",
    "segment_frames",
    "n_mels",
    "mel_min_hz",
    "mel_max_hz",
    "discriminator_periods",
    "discriminator_divisor",
)
# A file of another version differs in most sizes; these say all there is to mend.
DECISIVE = ("version", "n_symbols", "content_channels")
SETTINGS = {
    "version": ("train.sovits.version", "set it to the file's version, or give a file of this one"),
    "n_symbols": ("family.symbol_table", "choose the table that the file was trained with"),
    "content_channels": (
        "features.content",
        "published weights need backend: hubert (768 channels); MFCC is for training from scratch",
    ),
    **dict.fromkeys(
        ("sample_rate", "hop_samples", "n_fft"), ("family", "a published voice needs its own audio frame")
    ),
}
CODEBOOK_FRAMES = 100_000
"""Content frames (50 per second) that the codebook's k-means sees at most; it needs them all in memory."""


class Start(NamedTuple):
    """Networks as training finds them.

    Attributes:
        generator: On the CPU.
        discriminator: On the CPU.
        digests: SHA-256 of the files they came from, by network; empty from scratch.
        warnings: What the user should know of them.
    """

    generator: SovitsGenerator
    discriminator: MultiPeriodDiscriminator
    digests: dict[str, str]
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
        mel_min_hz=frame.mel_min_hz,
        mel_max_hz=frame.mel_max_hz,
    )


def start_networks(
    settings: SovitsTrainSettings,
    config: SovitsConfig,
    clips: int,
    content: Callable[[int], Tensor],
    seed: int,
) -> Start:
    """The networks that the settings ask for; every random weight is seeded.

    Args:
        settings: Which files, if any.
        config: Sizes that the settings and the data call for.
        clips: Number of training clips.
        content: Content features `[D, T]` of a clip; only training from scratch reads them.
        seed: The run's seed.

    Raises:
        UserError: a file is missing, cannot be read or does not fit, or lacks the posterior encoder.
    """
    published = read_published_generator(settings, config)
    torch.manual_seed(derive_seed(seed, "sovits", "weights"))
    generator = SovitsGenerator(config)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
    if published is None or settings.pretrained is None:
        fit_codebook(
            generator, clips, content, torch.Generator().manual_seed(derive_seed(seed, "sovits", "codebook"))
        )
        return Start(generator, discriminator, {}, ())
    weights = published.generator.state_dict()
    for name in published.missing:
        del weights[name]
    generator.load_state_dict(weights, strict=False)
    digests = {"generator": of_file(Path(settings.pretrained))}
    warnings = []
    if published.missing:
        warnings.append(
            f"train.sovits.pretrained = {settings.pretrained}: it has no posterior encoder, so one starts "
            "afresh"
        )
    if settings.pretrained_discriminator is None:
        warnings.append(
            "train.sovits.pretrained_discriminator is null: the discriminators start afresh against a "
            "trained generator; give the s2D file that belongs to it for a quicker and steadier start"
        )
    else:
        discriminator = load_discriminator(Path(settings.pretrained_discriminator), config)
        digests["discriminator"] = of_file(Path(settings.pretrained_discriminator))
    return Start(generator, discriminator, digests, tuple(warnings))


def read_published_generator(settings: SovitsTrainSettings, config: SovitsConfig) -> LoadedGenerator | None:
    """The file `train.sovits.pretrained`, once it fits; None where training starts from scratch.

    It takes no corpus, so a command can call it before any work.

    Raises:
        UserError: one message with every setting that does not fit, what the file has and the remedy; or the
            file cannot be read, or lacks the posterior encoder.
    """
    if settings.pretrained is None:
        return None
    loaded = _loaded(Path(settings.pretrained))
    found = loaded.generator.config
    problems = misfits(found, config)
    if problems:
        raise UserError(
            f"train.sovits.pretrained = {settings.pretrained}: does not fit: {'; '.join(problems)}"
        )
    if loaded.missing and not settings.allow_fresh_posterior:
        raise UserError(
            f"train.sovits.pretrained = {settings.pretrained}: the file was made for synthesis and lacks the "
            f"posterior encoder (enc_q, {len(loaded.missing)} tensors) that training needs; give the s2G "
            "file that training starts from, or set train.sovits.allow_fresh_posterior: true"
        )
    return loaded


def _loaded(path: Path) -> LoadedGenerator:
    """The generator of GPT-SoVITS's own file, or of an exported voice."""
    if path.suffix != SUFFIX:
        return load_generator(path)
    sizes = sizes_beside(path, "sovits", "train.sovits.pretrained")
    return LoadedGenerator(read_generator(path, sizes), (), "")


def misfits(published: SovitsConfig, needed: SovitsConfig) -> list[str]:
    """Each size in which a file's network differs from what the settings and the data call for, in words."""
    same = replace(published, **{name: getattr(needed, name) for name in FREE})
    problems = []
    for name in DECISIVE if published.version != needed.version else same.__dataclass_fields__:
        has, needs = getattr(same, name), getattr(needed, name)
        if has != needs:
            setting, remedy = SETTINGS.get(
                name, (f"train.sovits.sizes.{name}", "leave it null, or give a file of that size")
            )
            problems.append(f"{setting} calls for {name} = {needs}, the file has {has} ({remedy})")
    return problems


def fit_codebook(
    generator: SovitsGenerator, clips: int, content: Callable[[int], Tensor], rng: torch.Generator
) -> None:
    """Set the codebook by k-means of the corpus's content features: a voice from scratch has none."""
    chosen: list[Tensor] = []
    frames = 0
    order: Sequence[int] = torch.randperm(clips, generator=rng).tolist()
    for index in order:
        chosen.append(content(index))
        frames += chosen[-1].shape[1]
        if frames > CODEBOOK_FRAMES:
            break
    generator.initialize_codebook(chosen, rng)
