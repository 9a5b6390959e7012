"""The stage `train_sovits`: the voice's timbre, trained from the shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from artifacts import schemas
from artifacts.manifest import Reject
from configs.errors import UserError
from configs.train_sovits import SovitsTrainSettings
from models.frontend.mel import SpectrogramParameters
from models.frontend.text.symbols import load_symbol_table
from models.sovits.config import SovitsConfig, sovits_config
from models.sovits.step import SovitsBatch, SovitsStep, generator_parameter_groups
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.batches import Feed, admit, pad_frames
from tasks.finetune.distributed import train_in_processes
from tasks.finetune.examples import Example, read_split, refuse_long
from tasks.finetune.loop import Trained
from tasks.finetune.networks import sizes_as_json
from tasks.finetune.plan import FILE as PLAN_FILE
from tasks.finetune.plan import planned_length
from tasks.finetune.pretrained import start_networks
from tasks.finetune.rates import warmup_constant
from tasks.finetune.recipe import Updater
from tasks.finetune.reference_batches import sovits_plan
from tasks.finetune.resynthesis import pitch_agreement
from tasks.finetune.samples import ValidationSamples, render_sovits
from tasks.finetune.session import (
    Machine,
    arithmetic_threads,
    checkpoint_identity,
    choose_machine,
    curves_as_series,
    summary,
    train_in_stage,
    write_outputs,
)
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work


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
        self.warmup_steps = settings.warmup_steps
        self.modules = {"generator": step.generator, "discriminator": step.discriminator}
        groups = generator_parameter_groups(
            step.generator, settings.learning_rate, settings.text_learning_rate_factor
        )
        trained: dict[str, Any] = {
            "discriminator": [
                {"params": list(step.discriminator.parameters()), "lr": settings.learning_rate}
            ],
            "generator": [_trainable(group) for group in groups],
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
        """Exponential decay per epoch, after a linear rise where one is asked for."""
        rise = warmup_constant(step, self.warmup_steps)
        for name, optimiser in self.optimisers.items():
            for group, first in zip(optimiser.param_groups, self._first_rates[name], strict=True):
                group["lr"] = first * rise * self.decay_per_epoch**epoch

    def train_step(self, batch: SovitsBatch, update: Updater, rng: torch.Generator) -> None:
        """One adversarial step, or the half of it that this pass wants."""
        batch = self.machine.place(batch)
        if not update.wants("generator"):
            # The pass that updates the generator runs it again: that is what spares the memory of its graphs.
            with torch.no_grad(), unmoved(self.step.generator.quantizer), self.machine.autocast():
                passed = self.step.forward_generator(batch, rng)
        else:
            with self.machine.autocast():
                passed = self.step.forward_generator(batch, rng)
        if update.wants("discriminator"):
            with self.machine.autocast():
                losses = self.step.discriminator_losses(passed)
            update.apply("discriminator", losses, {"discriminator": 1.0})
        if update.wants("generator"):
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


def collate(examples: Sequence[Example], hop_samples: int, uses_speaker_vector: bool = False) -> SovitsBatch:
    """Pad examples to one batch; content and waveform are fitted to the spectrogram's frames.

    Args:
        uses_speaker_vector: Whether the network's version is conditioned on speaker vectors.

    Raises:
        UserError: it is, and a clip has none.
    """
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
        speaker_vector=_speaker_vectors(examples) if uses_speaker_vector else None,
        utterance_ids=tuple(e.utterance_id for e in examples),
    )


def _speaker_vectors(examples: Sequence[Example]) -> Tensor:
    """The clips' speaker vectors `[B, V]`."""
    vectors = [e.speaker_vector for e in examples if e.speaker_vector is not None]
    if len(vectors) < len(examples):
        lacking = next(e.utterance_id for e in examples if e.speaker_vector is None)
        raise UserError(
            f"train.sovits.version: v2Pro and v2ProPlus are conditioned on speaker vectors, and {lacking} "
            "has none in the shards. Set features.speaker_vector.backend=eres2netv2 and run again"
        )
    return torch.from_numpy(np.stack(vectors))


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
        mel_min_hz=frame.mel_min_hz,
        mel_max_hz=frame.mel_max_hz,
    )


class Fitted(NamedTuple):
    """What training leaves for the stage's record."""

    trained: Trained
    config: SovitsConfig
    symbol_table: str
    clips: int
    rejects: list[Reject]
    digests: dict[str, str]
    warnings: tuple[str, ...]
    samples: dict[str, Path]


def train_networks(files: Mapping[str, Mapping[str, Path]], cfg: ConfigView, work: Work) -> Fitted:
    """Train generator and discriminators to the end, alone or as one of several processes.

    Args:
        files: The files of `shard` and `plan`.
        cfg: The stage's settings.
        work: The stage's surroundings.

    Raises:
        UserError: no usable clip, sizes or published weights that do not fit, or training that diverges.
        StoppedError: a stop was asked for.
    """
    settings: SovitsTrainSettings = cfg.train.sovits
    frame = spectrogram_parameters(cfg.family)
    table = read_split(files["shard"], "train", frame, settings.cache_mb)
    held_out = read_split(files["shard"], "validation", frame, settings.cache_mb)
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

    def content(index: int) -> Tensor:
        return torch.from_numpy(examples[index].content).float()

    def batch(chosen: Sequence[Example]) -> SovitsBatch:
        return collate(chosen, frame.hop_samples, config.uses_speaker_vector)

    validation = [batch([held_out[i]]) for i in range(min(len(held_out), settings.validation_clips))]
    order = None
    if settings.batching == "gpt-sovits":
        order = sovits_plan(examples.frames, examples.utterance_ids, settings.batch_size)
    with arithmetic_threads(cfg.compute.threads):
        start = start_networks(settings, config, len(examples), content, cfg.seed)
        generator = start.generator.to(machine.device)
        step = SovitsStep(generator, start.discriminator.to(machine.device), loss_weights(settings))
        heard = [machine.place(clip) for clip in validation[: settings.sample_clips]]
        samples = ValidationSamples(
            work.dir / "samples", partial(render_sovits, generator), heard, cfg.seed, config.sample_rate
        )
        trained = train_in_stage(
            SovitsRecipe(step, settings, machine),
            Feed(
                examples.frames,
                examples.__getitem__,
                batch,
                batch_size=settings.batch_size,
                seed=cfg.seed,
                loader_threads=cfg.compute.loader_threads,
                plan=order.batches if order else None,
            ),
            validation,
            settings,
            planned_length(files, "sovits", settings),
            seed=cfg.seed,
            max_norms={
                name: limit
                for name, limit in (
                    ("generator", settings.clip_generator),
                    ("discriminator", settings.clip_discriminator),
                )
                if limit is not None
            },
            watched_loss="mel",
            identity=checkpoint_identity(config, settings, start.digests),
            work=work,
            validated=samples,
        )
    return Fitted(
        trained,
        config,
        table.symbol_table,
        len(examples),
        rejects,
        start.digests,
        (*start.warnings, *(order.warnings if order else ())),
        samples.files(),
    )


def train_sovits_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train generator and discriminators; see the module's docstring.

    Raises:
        UserError: see `train_networks`; or several processes are to train a quantiser.
        StoppedError: a stop was asked for.
    """
    files = {name: inputs.files(name) for name in ("shard", "plan")}
    processes = cfg.compute.processes
    if processes > 1 and planned_length(files, "sovits", cfg.train.sovits).train:
        if not cfg.train.sovits.freeze_quantizer:
            raise UserError(
                f"train.sovits.freeze_quantizer = false with compute.processes = {processes}: a codebook "
                "that follows the features follows those of one process; set processes to 1, or freeze it"
            )
        # They leave the last checkpoint; from there this process has no step to go, only files to write.
        train_in_processes(TRAIN_SOVITS.name, processes, files, cfg, work)
    fitted = train_networks(files, cfg, work)
    state = fitted.trained.state
    description = {
        "network": "sovits",
        "sizes": sizes_as_json(fitted.config),
        "symbol_table": fitted.symbol_table,
        "steps": state.step,
        "best_step": state.best_step,
        "epochs": state.epoch,
        "clips": fitted.clips,
        "from_scratch": not fitted.digests,
        "pretrained": fitted.digests,
    }
    names = {"generator": "generator", "discriminator": "discriminator"}
    written = write_outputs(work.dir / "result", fitted.trained, description, names)
    return Produced(
        rejects=fitted.rejects,
        files=written | fitted.samples,
        metrics=summary(state, fitted.clips),
        series=curves_as_series(state),
        warnings=fitted.warnings,
    )


@contextmanager
def unmoved(module: nn.Module) -> Iterator[None]:
    """A module's buffers are after the block what they were before it."""
    before = [buffer.clone() for buffer in module.buffers()]
    yield
    for buffer, value in zip(module.buffers(), before, strict=True):
        buffer.copy_(value)


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
    version=2,
    run=train_sovits_corpus,
    reads={"shard": ("*.parquet",), "plan": (PLAN_FILE,)},
    config=(
        "train.sovits",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
        "compute.processes",
    ),
    machine=("compute.loader_threads",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors", "pyworld"),
    about="SoVITS generator and discriminators",
    uses_gpu=True,
)
