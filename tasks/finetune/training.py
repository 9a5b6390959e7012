"""The skeleton of every training stage, which a family fills.

A family says what it trains on (`Training`) and, once the machine and the length are known, with which
networks (`Start`). All the rest is the same for everyone: batches, machine, threads, processes, checkpoints,
validation with its samples, and what is left as files, metrics and warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor

from artifacts.manifest import Reject
from configs.errors import UserError
from configs.train import HOUSEKEEPING, TrainSettings
from models.threads import arithmetic_threads
from tasks.finetune.batches import Feed
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.choice import choice_in_words, chosen_point, chosen_step
from tasks.finetune.distributed import train_in_processes
from tasks.finetune.length import TrainingLength
from tasks.finetune.loop import Callbacks, LoopSettings, State, Trained, train
from tasks.finetune.machine import Machine, choose_machine
from tasks.finetune.outputs import curves_as_series, summary, write_outputs
from tasks.finetune.pitch_rule import HEARD, PitchRule
from tasks.finetune.recipe import Recipe
from tasks.finetune.samples import SingleClip, ValidationSamples
from tasks.finetune.shards import Split
from tasks.finetune.trained import sizes_as_json
from tasks.outcome import ConfigView, Produced, StoppedError, Work
from tasks.turns import in_turns

Files = Mapping[str, Mapping[str, Path]]
"""By upstream stage and name: all that a training reads, so that several processes can."""

BatchT = TypeVar("BatchT", bound=SingleClip)
NamedTensors = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Training(Generic[BatchT]):
    """What a stage trains on, for how long, and how to begin.

    Attributes:
        section: Of the settings, for messages: `train.kokoro`.
        settings: Of this section.
        length: Whether and how long to train.
        clips: To train on.
        lengths: Of each of them, in any unit: they decide which clips meet in a batch.
        held_out: To validate by.
        collate: A batch of clips.
        start: The networks, once batches and machine are known.
        watched: Figures of a validation whose sum tells better weights from worse, see `LoopSettings`.
        pitch_rule: When the sound ignores pitch, in families that speak at a given one.
        rejects: Clips that are not trained on.
        order: Batches of an epoch, where the settings ask for another order than `epoch_batches`.
        max_norms: Gradient norms by optimiser.
        validate_first: Whether there is a validation before the first step.
        sample_clips: Held-out clips that are rendered at a validation.
        description: What `config.json` tells of this stage's networks beside their sizes.
        warnings: What the user should know of the clips.
        bf16_on_cpu: Whether `compute.precision = auto` is bf16 on a CPU that computes in it, too.
    """

    section: str
    settings: TrainSettings
    length: TrainingLength
    clips: Split[Any, Any]
    lengths: Sequence[int]
    held_out: Split[Any, Any]
    collate: Callable[[list[Any]], BatchT]
    start: Callable[[Run[BatchT]], Start[BatchT]]
    watched: Sequence[str]
    pitch_rule: PitchRule | None = None
    rejects: Sequence[Reject] = ()
    order: Callable[[int], list[list[int]]] | None = None
    max_norms: Mapping[str, float] = field(default_factory=dict)
    validate_first: bool = False
    sample_clips: int = 0
    description: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    bf16_on_cpu: bool = False


class Run(NamedTuple, Generic[BatchT]):
    """What networks may depend on.

    Attributes:
        machine: Where they belong.
        steps: Optimiser steps in all; 0 where nothing is trained.
        batches_per_epoch: Of training.
        validation: A batch of each held-out clip, on the CPU.
        phase: To be told of what comes before the first step: its name, how far it is, of how many.
    """

    machine: Machine
    steps: int
    batches_per_epoch: int
    validation: Sequence[BatchT]
    phase: Callable[[str, int, int], None]


class Memory(NamedTuple):
    """What a message says of memory that is out, beside the size of batches.

    Attributes:
        at: Where in the training, ` in phase joint`.
        remedies: Settings to lower, and to what.
    """

    at: str = ""
    remedies: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Start(Generic[BatchT]):
    """Networks as training begins.

    Attributes:
        recipe: The networks and their optimisers, on the machine's device.
        sizes: Of the networks, a dataclass.
        digests: SHA-256 of the files that weights came from, by network; empty from scratch.
        render: Waveforms [S] on the CPU by name, of a batch of one clip.
        derived: Further tensors by file name, made of the trained networks.
        measured: Sizes that the training itself has found, by name, in place of those it began with.
        memory: What to lower where memory is out.
        description: What `config.json` tells beside what `Training` says.
        warnings: What the user should know of the networks.
        notes: What a person should read whenever the stage is passed.
    """

    recipe: Recipe[BatchT]
    sizes: Any
    digests: Mapping[str, str]
    render: Callable[[BatchT, torch.Generator], dict[str, Tensor]] = lambda *_: {}
    derived: Callable[[Trained], Mapping[str, NamedTensors]] = lambda _: {}
    measured: Callable[[State], Mapping[str, float]] = lambda _: {}
    memory: Callable[[], Memory] = Memory
    description: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()


class Fitted(NamedTuple):
    """A training that came to its end.

    Attributes:
        start: As it began.
        trained: Weights and curves.
        samples: Files of the rendered clips, by name.
        derived: Further tensors by file name.
    """

    start: Start[Any]
    trained: Trained
    samples: dict[str, Path]
    derived: Mapping[str, NamedTensors]


Prepare = Callable[[Files, ConfigView], Training[Any]]
"""A family's function that opens the files; a function of a module, since processes look it up by name."""


def train_stage(prepare: Prepare, files: Files, cfg: ConfigView, work: Work) -> Produced:
    """Train alone or in several processes, and record what came of it.

    Args:
        prepare: The family's.
        files: All that it reads.
        cfg: The stage's settings, with `compute` and `seed`.
        work: The stage's surroundings.

    Raises:
        UserError: no usable clip, settings or weights that do not fit, no memory, or training that diverges.
        StoppedError: a stop was asked for; the checkpoint of the last step is on the disk.
    """
    phase = _phases(work)
    phase("reading clips", 0, 0)
    training = prepare(files, cfg)
    if cfg.compute.processes > 1 and training.length.train:
        # They leave the last checkpoint; from there this process has no step to go, only files to write.
        train_in_processes(prepare, cfg.compute.processes, files, cfg, work)
    fitted = fit(training, cfg, work)
    start, state, clips = fitted.start, fitted.trained.state, len(training.clips)
    point = chosen_point(state, training.settings)
    choice = choice_in_words(state, training.settings, training.watched)
    ignored = None if training.pitch_rule is None else training.pitch_rule.broken(point)
    description = {
        **training.description,
        "sizes": {**sizes_as_json(start.sizes), **start.measured(state)},
        "steps": state.step,
        "best_step": state.best_step,
        "chosen_step": chosen_step(state, training.settings),
        "epochs": state.epoch,
        "clips": clips,
        "from_scratch": not start.digests,
        "pretrained": dict(start.digests),
        "heard": {name: point[name] for name in HEARD if name in point},
        "ignores_pitch": ignored is not None,
        **start.description,
    }
    folder = work.dir / "result"
    files_made = write_outputs(folder, fitted.trained, description)
    for name, tensors in fitted.derived.items():
        save_file(dict(tensors), folder / name)
        files_made[name] = folder / name
    return Produced(
        rejects=training.rejects,
        files=files_made | fitted.samples,
        metrics=summary(state, clips),
        series=curves_as_series(state),
        warnings=(*start.warnings, *training.warnings, *([] if ignored is None else [ignored])),
        notes=(*start.notes, *([choice] if choice else [])),
    )


def fit(training: Training[Any], cfg: ConfigView, work: Work) -> Fitted:
    """Train to the end, alone or as one of several processes; raises as `train_stage`."""
    settings, seed, phase = training.settings, cfg.seed, _phases(work)
    machine = choose_machine(cfg.compute, training.bf16_on_cpu)
    feed = Feed(
        training.lengths,
        training.clips.__getitem__,
        training.collate,
        batch_size=settings.batch_size,
        seed=seed,
        loader_threads=cfg.compute.loader_threads,
        plan=training.order,
    )
    steps = training.length.steps(settings.accumulate, feed.batches_per_epoch())
    n_held_out = min(len(training.held_out), max(settings.validation_clips, training.sample_clips))
    order = in_turns(training.held_out.speakers, training.held_out.utterance_ids)
    held_out = [training.collate([training.held_out[index]]) for index in order[:n_held_out]]
    validation = held_out[: settings.validation_clips]
    with arithmetic_threads(cfg.compute.threads):
        phase("loading networks", 0, 0)
        start = training.start(Run(machine, steps, feed.batches_per_epoch(), validation, phase))
        samples = ValidationSamples(
            work.dir / "samples",
            start.render,
            [machine.place(clip) for clip in held_out[: training.sample_clips]],
            seed,
            cfg.family.sample_rate,
        )
        if training.length.train:
            loop = LoopSettings(
                seed=seed,
                length=training.length,
                train=settings,
                max_norms=training.max_norms,
                validate_first=training.validate_first,
                watched=training.watched,
                pitch_rule=training.pitch_rule,
                identity=identity_of(start.sizes, settings, start.digests),
            )
            callbacks = Callbacks(progress=_report(work), phase=phase, stop=work.stop, validated=samples)
            checkpoints = Checkpoints(work.dir / "checkpoints", settings.keep_checkpoints)
            copies = (settings.ema_decay > 0) + (settings.choose == "best")
            checkpoints.require_space(start.recipe.modules, start.recipe.optimisers, copies)
            try:
                trained = train(start.recipe, feed, validation, loop, checkpoints, callbacks)
            except torch.OutOfMemoryError as error:
                raise UserError(_out_of_memory(training, start.memory())) from error
        else:
            kept = {name: module.state_dict() for name, module in start.recipe.modules.items()}
            trained = Trained(finished=True, state=State(), weights=kept)
        if not trained.finished:
            raise StoppedError(f"stopped at step {trained.state.step}; the next run goes on from there")
        return Fitted(start, trained, samples.files(), start.derived(trained))


def lowered(setting: str, value: int, least: int) -> list[str]:
    """How to spare memory by a setting: by a quarter, or down to the least; empty where it is there."""
    return [f"{setting} from {value} to {max(least, value * 3 // 4)}"] if value > least else []


def identity_of(sizes: Any, settings: TrainSettings, digests: Mapping[str, str]) -> dict[str, Any]:
    """What a checkpoint must have been made with to be gone on from.

    Published weights count by what they are, not by where they lie; how often it is saved does not count.
    """
    every = settings.model_dump(mode="json", exclude={*HOUSEKEEPING})
    chosen = {name: value for name, value in every.items() if not name.startswith("pretrained")}
    return {"sizes": sizes_as_json(sizes), "settings": chosen, "pretrained": dict(digests)}


def _out_of_memory(training: Training[Any], memory: Memory) -> str:
    settings, remedies = training.settings, []
    size, accumulate = settings.batch_size, settings.accumulate
    if size > 1:
        remedies.append(
            f"{training.section}.batch_size from {size} to {size // 2}, with accumulate from {accumulate} to "
            f"{2 * accumulate} for the same clips per step"
        )
    remedies += [*memory.remedies, "compute.precision to bf16, if it is not"]
    return f"out of memory{memory.at}: set, until it fits, {'; or '.join(remedies)}"


def _phases(work: Work) -> Callable[[str, int, int], None]:
    return lambda name, done, total: work.progress(done, total, phase=name)


def _report(work: Work) -> Callable[[int, int, dict[str, float]], None]:
    def report(done: int, total: int, losses: dict[str, float]) -> None:
        shown = ", ".join(f"{n} {v:.3g}" for n, v in losses.items() if "/" not in n)
        work.progress(done, total, shown, "", **losses)

    return report
