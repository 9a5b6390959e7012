"""The stage `train_sovits`: the voice's timbre, trained from the shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from artifacts import schemas
from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.discriminators.multi_period import MultiPeriodDiscriminator
from models.frontend.mel import SpectrogramParameters
from models.frontend.text.symbols import load_symbol_table
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.model import SovitsGenerator
from models.sovits.step import SovitsBatch, SovitsStep, generator_parameter_groups
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.batches import Feed, admit, derive_seed, pad_frames
from tasks.finetune.examples import Example, Examples, read_split, refuse_long
from tasks.finetune.networks import sizes_as_json
from tasks.finetune.recipe import Updater
from tasks.finetune.resynthesis import pitch_agreement
from tasks.finetune.session import (
    Machine,
    arithmetic_threads,
    choose_machine,
    curves_as_series,
    summary,
    train_in_stage,
    write_outputs,
)
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work

CODEBOOK_FRAMES = 100_000
"""Content frames (50 per second) that the codebook's k-means sees at most; it needs them all in memory."""


class SovitsRecipe:
    """SoVITS for the training loop: D first, then G, as the published recipe does.

    Args:
        step: Networks and losses.
        settings: Rates, clipping and loss weights.
        machine: Where to compute.
    """

    averaged = ("generator",)

    def __init__(self, step: SovitsStep, settings: SovitsTrainSettings, machine: Machine) -> None:
        self.step = step
        self.machine = machine
        self.decay_per_epoch = settings.learning_rate_decay
        self.modules = {"generator": step.generator, "discriminator": step.discriminator}
        groups = generator_parameter_groups(
            step.generator, settings.learning_rate, settings.text_learning_rate_factor
        )
        trained: dict[str, Any] = {
            "generator": [_trainable(group) for group in groups],
            "discriminator": [
                {"params": list(step.discriminator.parameters()), "lr": settings.learning_rate}
            ],
        }
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.AdamW(
                parameters,
                betas=settings.betas,
                eps=settings.epsilon,
                weight_decay=settings.weight_decay,
                fused=True,
            )
            for name, parameters in trained.items()
        }
        self._first_rates = {
            name: [group["lr"] for group in optimiser.param_groups]
            for name, optimiser in self.optimisers.items()
        }

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """Exponential decay per epoch."""
        del step
        for name, optimiser in self.optimisers.items():
            for group, first in zip(optimiser.param_groups, self._first_rates[name], strict=True):
                group["lr"] = first * self.decay_per_epoch**epoch

    def train_step(self, batch: SovitsBatch, update: Updater, rng: torch.Generator) -> None:
        """One adversarial step."""
        batch = self.machine.place(batch)
        with self.machine.autocast():
            passed = self.step.forward_generator(batch, rng)
            losses = self.step.discriminator_losses(passed)
        update.apply("discriminator", losses, {"discriminator": 1.0})
        with self.machine.autocast():
            losses = self.step.generator_losses(passed)
        update.apply("generator", losses, self.step.weights)

    def validate(self, batch: SovitsBatch) -> dict[str, Tensor]:
        """Whole-clip losses through the posterior's mean, and how well its resynthesis keeps the pitch."""
        batch = self.machine.place(batch)
        generator = self.step.generator
        resynthesis = generator.reconstruct(
            batch.ssl,
            batch.spec,
            batch.spec_lengths,
            batch.phone_ids,
            batch.phone_lengths,
            speaker_vector=batch.speaker_vector,
        )
        pitch = pitch_agreement(
            batch.wave, resynthesis.wave, batch.spec_lengths, generator.config.spectrogram
        )
        return self.step.validation_losses(batch) | pitch

    def utterances(self, batch: SovitsBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids


def collate(examples: Sequence[Example], hop_samples: int) -> SovitsBatch:
    """Pad examples to one batch; content and waveform are fitted to the spectrogram's frames."""
    frames = [example.linear.shape[1] for example in examples]
    longest = max(frames)
    content = [fit_frames(e.content, n) for e, n in zip(examples, frames, strict=True)]
    waves = [fit_samples(e.wave, n * hop_samples)[None] for e, n in zip(examples, frames, strict=True)]
    return SovitsBatch(
        ssl=pad_frames(content, longest).float(),
        spec=pad_frames([e.linear for e in examples], longest).float(),
        spec_lengths=torch.tensor(frames),
        wave=pad_frames(waves, longest * hop_samples),
        phone_ids=pad_frames([e.phone_ids for e in examples]),
        phone_lengths=torch.tensor([len(e.phone_ids) for e in examples]),
        speaker_vector=None,
        utterance_ids=tuple(e.utterance_id for e in examples),
    )


def fit_frames(track: np.ndarray, frames: int) -> np.ndarray:
    """`[D, T]` cut, or its last frame repeated, to `frames`: encoders differ by a frame at the end."""
    missing = frames - track.shape[1]
    if missing <= 0:
        return track[:, :frames]
    return np.pad(track, ((0, 0), (0, missing)), mode="edge")


def fit_samples(wave: np.ndarray, samples: int) -> np.ndarray:
    """`[S]` cut, or padded with silence, to `samples`."""
    return np.pad(wave[:samples], (0, max(0, samples - len(wave))))


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


def build_networks(
    config: SovitsConfig, examples: Examples, seed: int
) -> tuple[SovitsGenerator, MultiPeriodDiscriminator]:
    """Networks as they start from scratch: seeded weights, a codebook fitted to the content features."""
    torch.manual_seed(derive_seed(seed, "sovits", "weights"))
    generator = SovitsGenerator(config)
    discriminator = MultiPeriodDiscriminator(config.discriminator_periods, config.discriminator_divisor)
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
    return generator, discriminator


def train_sovits_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train generator and discriminators; see the module's docstring.

    Raises:
        UserError: no usable clip, contradicting sizes, or training that diverges.
    """
    settings: SovitsTrainSettings = cfg.train.sovits
    frame = spectrogram_parameters(cfg.family)
    files = inputs.files("shard")
    table = read_split(files, "train", frame, settings.cache_mb)
    held_out = read_split(files, "validation", frame, settings.cache_mb)
    limit = int(settings.max_clip_s * frame.frame_rate_hz)
    examples, rejects = refuse_long(table, admit(table.frames, limit), settings.max_clip_s)
    if not examples:
        raise UserError(
            f"train.sovits.max_clip_s = {settings.max_clip_s}: none of {len(table)} training clips "
            "is that short; lower corpus.segment's maximum or raise this one"
        )
    symbols = load_symbol_table(table.symbol_table)
    content_channels = examples[0].content.shape[0]
    config = model_config(settings, frame, len(symbols.symbols), content_channels)
    machine = choose_machine(cfg.compute)
    with arithmetic_threads(cfg.compute.threads):
        generator, discriminator = build_networks(config, examples, cfg.seed)
        step = SovitsStep(
            generator.to(machine.device), discriminator.to(machine.device), loss_weights(settings)
        )
        feed = Feed(
            examples.frames,
            examples.__getitem__,
            lambda chosen: collate(chosen, frame.hop_samples),
            batch_size=settings.batch_size,
            seed=cfg.seed,
        )
        trained = train_in_stage(
            SovitsRecipe(step, settings, machine),
            feed,
            [
                collate([held_out[i]], frame.hop_samples)
                for i in range(min(len(held_out), settings.validation_clips))
            ],
            settings,
            seed=cfg.seed,
            max_norms={
                "generator": settings.clip_generator,
                "discriminator": settings.clip_discriminator,
            },
            watched_loss="mel",
            identity={"sizes": sizes_as_json(config), "settings": settings.model_dump(mode="json")},
            work=work,
        )
    description = {
        "network": "sovits",
        "sizes": sizes_as_json(config),
        "symbol_table": table.symbol_table,
        "steps": trained.state.step,
        "epochs": trained.state.epoch,
        "clips": len(examples),
        "from_scratch": True,
    }
    names = {"generator": "generator", "discriminator": "discriminator"}
    return Produced(
        rejects=rejects,
        files=write_outputs(work.dir / "result", trained, description, names),
        metrics=summary(trained.state, len(examples)),
        series=curves_as_series(trained.state),
    )


def loss_weights(settings: SovitsTrainSettings) -> dict[str, float]:
    """The weight of each generator loss, by the names that `SovitsStep` gives them."""
    return {
        "adversarial": settings.weight_adversarial,
        "feature_matching": settings.weight_feature_matching,
        "mel": settings.weight_mel,
        "kl_ssl": settings.weight_kl_ssl,
        "kl": settings.weight_kl,
    }


def _trainable(group: dict[str, Any]) -> dict[str, Any]:
    return {**group, "params": [p for p in group["params"] if p.requires_grad]}


TRAIN_SOVITS = CorpusStage(
    name="train_sovits",
    version=1,
    run=train_sovits_corpus,
    reads={"shard": ("*.parquet",)},
    config=(
        "train.sovits",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
    ),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "pyworld"),
    about="SoVITS generator and discriminators",
    uses_gpu=True,
)
