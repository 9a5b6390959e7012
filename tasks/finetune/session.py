"""A training run inside a stage: device, threads, callbacks, and what is left of it as files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor

from configs.compute import ComputeSettings
from configs.errors import UserError
from configs.train import TrainSettings
from tasks.finetune.batches import Feed
from tasks.finetune.checkpoint import Checkpoints
from tasks.finetune.distributed import current_ranks
from tasks.finetune.loop import (
    Callbacks,
    LoopSettings,
    State,
    Trained,
    Validation,
    ignore,
    total_steps,
    train,
)
from tasks.finetune.networks import sizes_as_json
from tasks.finetune.planner import NetworkPlan
from tasks.finetune.recipe import Recipe
from tasks.outcome import StoppedError, Work

BatchT = TypeVar("BatchT", bound=tuple)


@dataclass(frozen=True)
class Machine:
    """Where and how precisely to compute.

    Attributes:
        device: Of weights and batches.
        bf16: Whether forward passes run in bfloat16 where that is safe.
    """

    device: torch.device
    bf16: bool

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision as configured; enter around forward passes and losses.

        There is no loss scaler: bfloat16 has the exponents of float32, so a gradient that float32 can hold
        does not vanish in it. Scaling is for float16, whose smallest values lie near 6e-8.
        """
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16)

    def place(self, batch: BatchT) -> BatchT:
        """A batch (a NamedTuple) with its tensors on the device."""
        if self.device.type == "cpu":
            return batch
        moved = {
            name: value.to(self.device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in batch._asdict().items()  # type: ignore[attr-defined]
        }
        return type(batch)(**moved)


def choose_machine(compute: ComputeSettings) -> Machine:
    """Resolve `auto`; one of several processes gets the device that it has made its own.

    Raises:
        UserError: a CUDA device is asked for and there is none.
    """
    count = torch.cuda.device_count()
    if compute.device == "cuda" and not count:
        raise UserError("compute.device = cuda: no CUDA device is found; use auto or cpu")
    device = "cuda" if count and compute.device != "cpu" else "cpu"
    bf16 = compute.precision == "bf16" or (compute.precision == "auto" and device == "cuda")
    ranks = current_ranks()
    return Machine(torch.device(ranks.device if ranks.device.startswith(device) else device), bf16)


@contextmanager
def arithmetic_threads(count: int) -> Iterator[None]:
    """A fixed number of torch threads: how sums are shared decides their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train_in_stage(
    recipe: Recipe[BatchT],
    feed: Feed[Any, BatchT],
    validation: Sequence[BatchT],
    settings: TrainSettings,
    length: NetworkPlan,
    *,
    seed: int,
    max_norms: Mapping[str, float],
    watched_loss: str,
    identity: Mapping[str, Any],
    work: Work,
    validated: Callable[[Validation], None] = ignore,
    validate_first: bool = False,
) -> Trained:
    """Train with checkpoints in the stage's own folder, or leave the networks as they are.

    Args:
        recipe, feed, validation: As `train` wants them.
        settings: Of the family.
        length: Whether to train at all, and how long.
        seed: The run's seed.
        max_norms: Gradient norms by optimiser.
        watched_loss: Validation loss by which weights are better or worse.
        identity: What a resumed run must have been started with.
        work: The stage's surroundings.
        validated: Told of each validation while the validated weights are in the modules.
        validate_first: Whether there is one before the first step.

    Raises:
        StoppedError: a stop was asked for; the checkpoint of the last step is on the disk.
        UserError: see `train`.
        MachineError: the checkpoints will not fit on the disk.
    """
    if not length.train:
        untouched = {name: module.state_dict() for name, module in recipe.modules.items()}
        return Trained(finished=True, state=State(), weights=untouched)
    loop = LoopSettings(
        seed=seed,
        max_steps=length.max_steps,
        max_epochs=length.max_epochs,
        accumulate=settings.accumulate,
        max_norms=max_norms,
        ema_decay=settings.ema_decay,
        log_every_steps=settings.log_every_steps,
        validate_every_steps=settings.validate_every_steps,
        validate_first=validate_first,
        checkpoint_every_steps=settings.checkpoint_every_steps,
        max_skipped_in_a_row=settings.max_skipped_in_a_row,
        watched_loss=watched_loss,
        early_stop_patience=settings.early_stop_patience,
        identity=identity,
    )
    callbacks = Callbacks(progress=_report(work), stop=work.stop, validated=validated)
    checkpoints = Checkpoints(work.dir / "checkpoints", settings.keep_checkpoints)
    checkpoints.require_space(recipe.modules, recipe.optimisers, settings.ema_decay > 0)
    trained = train(recipe, feed, validation, loop, checkpoints, callbacks)
    if not trained.finished:
        raise StoppedError(f"stopped at step {trained.state.step}; the next run goes on from there")
    return trained


def steps_of(length: NetworkPlan, accumulate: int, batches_per_epoch: int) -> int:
    """Optimiser steps of a planned run; 0 where the network is kept."""
    if not length.train:
        return 0
    return total_steps(length.max_steps, length.max_epochs, accumulate, batches_per_epoch)


def checkpoint_identity(config: Any, settings: TrainSettings, digests: Mapping[str, str]) -> dict[str, Any]:
    """What a checkpoint must have been made with to be gone on from.

    Published weights count by what they are, not by where they lie.
    """
    chosen = {n: v for n, v in settings.model_dump(mode="json").items() if not n.startswith("pretrained")}
    return {"sizes": sizes_as_json(config), "settings": chosen, "pretrained": dict(digests)}


def write_outputs(
    folder: Path, trained: Trained, config: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Path]:
    """Write weights, config and curves; equal runs give equal bytes.

    Args:
        folder: Where to.
        trained: The finished run.
        config: What `config.json` holds.
        names: Module name -> file name without suffix.

    Returns:
        File names and paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for module, name in names.items():
        path = folder / f"{name}.safetensors"
        weights = {k: v.detach().cpu().contiguous() for k, v in trained.weights[module].items()}
        save_file(weights, path)
        files[path.name] = path
    state = trained.state
    curves = {"train": _as_json(state.train_curve), "validation": _as_json(state.validation_curve)}
    for name, value in (("config.json", dict(config)), ("curves.json", curves)):
        files[name] = folder / name
        files[name].write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return files


def curves_as_series(state: State) -> dict[str, list[tuple[int, float]]]:
    """The curves as `split/loss` -> points."""
    series: dict[str, list[tuple[int, float]]] = {}
    splits = {"train": state.train_curve, "validation": state.validation_curve}
    for split, curve in splits.items():
        for point in curve:
            for name, value in point.items():
                if name != "step" and math.isfinite(value):
                    series.setdefault(f"{split}/{name}", []).append((int(point["step"]), value))
    return series


def summary(state: State, clips: int) -> dict[str, float]:
    """Metrics of a finished run: its length and its last losses."""
    metrics = {
        "steps": float(state.step),
        "epochs": float(state.epoch),
        "clips": float(clips),
        "skipped_steps": float(state.skipped),
    }
    for split, curve in (("train", state.train_curve), ("validation", state.validation_curve)):
        for name, value in (curve[-1] if curve else {}).items():
            if name != "step" and math.isfinite(value):
                metrics[f"{split}/{name}"] = value
    return metrics


def _as_json(curve: Sequence[Mapping[str, float]]) -> list[dict[str, float | None]]:
    """A curve with null for what is no number: JSON has no NaN."""
    return [{k: v if math.isfinite(v) else None for k, v in point.items()} for point in curve]


def _report(work: Work) -> Callable[[int, int, dict[str, float]], None]:
    def report(done: int, total: int, losses: dict[str, float]) -> None:
        shown = ", ".join(f"{n} {v:.3g}" for n, v in losses.items() if "/" not in n)
        work.progress(done, total, shown, **losses)

    return report
