"""The stage `train_t2s`: the voice's prosody, a decoder from phones to semantic codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from artifacts import schemas
from artifacts.manifest import Reject
from artifacts.store import write_atomically
from configs.errors import UserError
from configs.train_t2s import T2sTrainSettings
from models.optim.scaled_adam import ScaledAdam
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from models.t2s.preference import spoil
from models.t2s.step import T2SBatch, T2SStep
from tasks.features.frames import spectrogram_parameters
from tasks.finetune.batches import Feed, pad_frames
from tasks.finetune.distributed import train_in_processes
from tasks.finetune.examples import Example, Examples, read_split
from tasks.finetune.loop import Trained
from tasks.finetune.networks import read_json, sizes_as_json
from tasks.finetune.plan import FILE as PLAN_FILE
from tasks.finetune.plan import planned_length
from tasks.finetune.rates import warmup_cosine
from tasks.finetune.recipe import Updater
from tasks.finetune.reference_batches import t2s_plan
from tasks.finetune.session import (
    Machine,
    arithmetic_threads,
    checkpoint_identity,
    choose_machine,
    curves_as_series,
    steps_of,
    summary,
    train_in_stage,
    write_outputs,
)
from tasks.finetune.t2s_start import starting_decoder
from tasks.stage import ConfigView, CorpusStage, Inputs, Produced, Work, reject

CODES_PER_S = 25.0
CODES_FILE = "codes.json"


class T2sRecipe:
    """The decoder for the training loop.

    The learning rate rises linearly, then follows a cosine to its final value at the last step.

    Args:
        step: Network and loss.
        settings: Rates.
        steps: Optimiser steps of the whole run.
        machine: Where to compute.
    """

    averaged = ("decoder",)

    def __init__(self, step: T2SStep, settings: T2sTrainSettings, steps: int, machine: Machine) -> None:
        self.step = step
        self.settings = settings
        self.steps = steps
        self.machine = machine
        self.modules = {"decoder": step.model}
        self.optimisers = {"decoder": build_optimizer(step.model, settings)}
        self.loss_weights = {"cross_entropy": 1.0}
        if settings.weight_preference:
            self.loss_weights["preference"] = settings.weight_preference

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """Warm-up and cosine decay."""
        del epoch
        rate = warmup_cosine(
            step,
            self.steps,
            self.settings.warmup_steps,
            self.settings.peak_learning_rate,
            self.settings.last_learning_rate,
        )
        for group in self.optimisers["decoder"].param_groups:
            group["lr"] = rate

    def train_step(self, batch: T2SBatch, update: Updater, rng: torch.Generator) -> None:
        """One step of teacher-forced prediction; dropout draws globally, rejected spans from `rng`."""
        rejected = None
        if "preference" in self.loss_weights:
            end_id = self.step.model.config.end_id
            spoiled = spoil(batch.codes, batch.code_lengths, end_id, rng)
            rejected = self.machine.place(batch._replace(codes=spoiled.codes, code_lengths=spoiled.lengths))
        batch = self.machine.place(batch)
        with self.machine.autocast():
            losses = self.step.losses(batch, rejected)
        update.apply("decoder", losses, self.loss_weights)

    def validate(self, batch: T2SBatch) -> dict[str, Tensor]:
        """Teacher-forced losses of held-out clips."""
        return self.step.validation_losses(self.machine.place(batch))

    def utterances(self, batch: T2SBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids


def build_optimizer(model: TextToSemantic, settings: T2sTrainSettings) -> torch.optim.Optimizer:
    """The optimiser that `settings.optimizer` names, at the peak learning rate."""
    if settings.optimizer == "scaled_adam":
        return ScaledAdam(
            model.parameters(),
            lr=settings.peak_learning_rate,
            betas=settings.betas,
            clipping_scale=settings.clipping_scale,
        )
    return torch.optim.AdamW(
        model.parameters(),
        lr=settings.peak_learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def collate(
    examples: Sequence[Example], codes: Mapping[str, np.ndarray], linguistic_channels: int
) -> T2SBatch:
    """Pad examples and their codes to one batch; absent linguistic features are zeros."""
    phones = [len(e.phone_ids) for e in examples]
    chosen = [codes[e.utterance_id] for e in examples]
    bert = torch.zeros(len(examples), linguistic_channels, max(phones))
    for row, example in zip(bert, examples, strict=True):
        if example.linguistic is not None:
            row[:, : example.linguistic.shape[1]] = torch.from_numpy(example.linguistic)
    return T2SBatch(
        phone_ids=pad_frames([e.phone_ids for e in examples]),
        phone_lengths=torch.tensor(phones),
        bert=bert,
        codes=pad_frames(chosen),
        code_lengths=torch.tensor([len(c) for c in chosen]),
        utterance_ids=tuple(e.utterance_id for e in examples),
    )


def refuse_unfit(
    examples: Examples, codes: Mapping[str, np.ndarray], settings: T2sTrainSettings
) -> tuple[list[int], list[Reject]]:
    """Clips the decoder can learn from, and the others with the reason."""
    kept: list[int] = []
    rejects: list[Reject] = []
    for index, name in enumerate(examples.utterance_ids):
        phones = examples.phone_counts[index]
        seconds = len(codes[name]) / CODES_PER_S if name in codes else 0.0
        rate = phones / seconds if seconds else 0.0
        if name not in codes:
            refused = ("no_codes", "codes", "none", "it has no semantic codes", "rerun semantic")
        elif seconds > settings.max_clip_s:
            refused = _over("max_clip_s", f"{seconds:.1f} s", f"more than {settings.max_clip_s} s")
        elif phones > settings.max_phones:
            refused = _over("max_phones", f"{phones}", f"more than {settings.max_phones} phones")
        elif not settings.min_phones_per_s <= rate <= settings.max_phones_per_s:
            refused = (
                "speaking_rate",
                "phones_per_s",
                f"{rate:.1f}",
                f"outside {settings.min_phones_per_s}-{settings.max_phones_per_s} phones per second",
                "check the transcript, or widen train.t2s.min_phones_per_s and max_phones_per_s",
            )
        else:
            kept.append(index)
            continue
        rejects.append(reject(name, *refused))
    return kept, rejects


class Fitted(NamedTuple):
    """What training leaves for the stage's record."""

    trained: Trained
    config: T2SConfig
    symbol_table: str
    clips: int
    rejects: list[Reject]
    digests: dict[str, str]
    warnings: tuple[str, ...]


def train_decoder(files: Mapping[str, Mapping[str, Path]], cfg: ConfigView, work: Work) -> Fitted:
    """Train the decoder to the end, alone or as one of several processes.

    Args:
        files: The files of `shard`, `train_sovits` and `plan`, and `codes.json` under `semantic`.
        cfg: The stage's settings.
        work: The stage's surroundings.

    Raises:
        UserError: no usable clip, contradicting sizes, or training that diverges.
        StoppedError: a stop was asked for.
    """
    settings: T2sTrainSettings = cfg.train.t2s
    frame = spectrogram_parameters(cfg.family)
    written = read_json(files["semantic"][CODES_FILE])
    codes = {name: np.asarray(values, dtype=np.int64) for name, values in written.items()}
    sovits = read_json(files["train_sovits"]["config.json"])
    table = read_split(files["shard"], "train", frame, settings.cache_mb, audio=False)
    kept, rejects = refuse_unfit(table, codes, settings)
    if not kept:
        raise UserError(
            f"train.t2s: none of {len(table)} training clips is usable; the first is refused because "
            f"{rejects[0].reason}"
            if rejects
            else "train.t2s: the training split has 0 clips"
        )
    examples = table.subset(kept)
    held_out = read_split(files["shard"], "validation", frame, settings.cache_mb, audio=False)
    watched, _ = refuse_unfit(held_out, codes, settings)
    start = starting_decoder(
        settings,
        table.symbol_table,
        sovits["sizes"]["codebook_size"],
        table.linguistic_channels,
        cfg.seed,
    )
    config = start.decoder.config
    length = planned_length(files, "t2s", settings)
    machine = choose_machine(cfg.compute)

    def batch(chosen: Sequence[Example]) -> T2SBatch:
        return collate(chosen, codes, config.linguistic_channels)

    lengths = [len(codes[name]) for name in examples.utterance_ids]
    plan = None
    if settings.batching == "gpt-sovits":
        seconds = [length / CODES_PER_S for length in lengths]
        plan = t2s_plan(seconds, examples.utterance_ids, settings.batch_size)
    feed = Feed(
        lengths,
        examples.__getitem__,
        batch,
        batch_size=settings.batch_size,
        seed=cfg.seed,
        loader_threads=cfg.compute.loader_threads,
        plan=plan.batches if plan else None,
    )
    with arithmetic_threads(cfg.compute.threads):
        step = T2SStep(start.decoder.to(machine.device))
        steps = steps_of(length, settings.accumulate, feed.batches_per_epoch())
        trained = train_in_stage(
            T2sRecipe(step, settings, steps, machine),
            feed,
            [batch([held_out[i]]) for i in watched[: settings.validation_clips]],
            settings,
            length,
            seed=cfg.seed,
            # ScaledAdam clips by itself, by the gradients' recent lengths.
            max_norms={"decoder": settings.clip} if settings.optimizer == "adamw" else {},
            watched_loss="cross_entropy",
            identity=checkpoint_identity(config, settings, start.digests),
            work=work,
        )
    return Fitted(
        trained,
        config,
        table.symbol_table,
        len(examples),
        rejects,
        start.digests,
        tuple(plan.warnings) if plan else (),
    )


def train_t2s_corpus(inputs: Inputs, cfg: ConfigView, work: Work) -> Produced:
    """Train the decoder; see the module's docstring.

    Raises:
        UserError: see `train_decoder`.
        StoppedError: a stop was asked for.
    """
    files = {name: inputs.files(name) for name in ("shard", "train_sovits", "plan")}
    files["semantic"] = {CODES_FILE: _write_codes(inputs, work.dir / CODES_FILE)}
    processes = cfg.compute.processes
    if processes > 1 and planned_length(files, "t2s", cfg.train.t2s).train:
        # They leave the last checkpoint; from there this process has no step to go, only files to write.
        train_in_processes(TRAIN_T2S.name, processes, files, cfg, work)
    fitted = train_decoder(files, cfg, work)
    state = fitted.trained.state
    description = {
        "network": "t2s",
        "sizes": sizes_as_json(fitted.config),
        "symbol_table": fitted.symbol_table,
        "steps": state.step,
        "epochs": state.epoch,
        "clips": fitted.clips,
        "from_scratch": not fitted.digests,
        "pretrained": fitted.digests,
    }
    return Produced(
        rejects=fitted.rejects,
        files=write_outputs(work.dir / "result", fitted.trained, description, {"decoder": "decoder"}),
        metrics=summary(state, fitted.clips),
        series=curves_as_series(state),
        warnings=fitted.warnings,
    )


def _write_codes(inputs: Inputs, path: Path) -> Path:
    """The codes as a file: processes that train together read files alone."""
    rows = inputs.table("semantic", ["utterance_id", "codes"])
    names, codes = rows.column("utterance_id").to_pylist(), rows.column("codes").to_pylist()
    write_atomically(path, json.dumps(dict(zip(names, codes, strict=True))).encode())
    return path


def _over(field: str, value: str, limit: str) -> tuple[str, str, str, str, str]:
    return "too_long", field, value, limit, f"segment it shorter, or raise train.t2s.{field}"


TRAIN_T2S = CorpusStage(
    name="train_t2s",
    version=1,
    run=train_t2s_corpus,
    reads={
        "shard": ("*.parquet",),
        "semantic": ("utterance_id", "codes"),
        "train_sovits": ("config.json",),
        "plan": (PLAN_FILE,),
    },
    config=(
        "train.t2s",
        "family",
        "seed",
        "compute.threads",
        "compute.device",
        "compute.precision",
        "compute.processes",
    ),
    machine=("compute.loader_threads",),
    schema=schemas.NOTHING,
    libraries=("torch", "numpy", "safetensors"),
    about="text-to-semantic decoder",
    uses_gpu=True,
)
