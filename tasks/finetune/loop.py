"""The training loop of every family: next batch, one step, log, validate, checkpoint.

The loop knows positions and losses, a `Recipe` knows models. It reports through callbacks and never
learns who listens. All randomness of a step is seeded from (seed, step), so stopping anywhere and
going on from the last checkpoint gives the same weights, optimisers and losses as never having
stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from artifacts.digest import canonical_json
from configs.errors import UserError
from tasks.finetune.batches import Fed, Feed, derive_seed
from tasks.finetune.checkpoint import Checkpoints, Snapshot, capture, restore
from tasks.finetune.recipe import MovingAverage, NonFiniteUpdateError, Recipe, Updater

logger = logging.getLogger(__name__)

BatchT = TypeVar("BatchT")
Losses = dict[str, float]


@dataclass(frozen=True)
class LoopSettings:
    """How long and how carefully to train; a family's settings fill it.

    Attributes:
        seed: Seeds batches, segments and dropout.
        max_steps: Optimiser steps at most; None leaves the end to `max_epochs`.
        max_epochs: Passes through the training clips at most.
        accumulate: Batches per optimiser step.
        max_norms: Gradient clipping norm per optimiser.
        ema_decay: Decay of the weight average per step; 0 keeps none.
        log_every_steps: Losses are averaged over this many steps for the curves.
        validate_every_steps: 0 never validates.
        checkpoint_every_steps: Steps between checkpoints.
        max_skipped_in_a_row: Non-finite steps that are skipped before the run fails.
        early_stop_loss: Validation loss to watch, or None.
        early_stop_patience: Validations without a better value before the run ends.
        identity: What a resumed run must have been started with.
    """

    seed: int
    max_steps: int | None
    max_epochs: int | None
    accumulate: int = 1
    max_norms: Mapping[str, float] = field(default_factory=dict)
    ema_decay: float = 0.0
    log_every_steps: int = 10
    validate_every_steps: int = 0
    checkpoint_every_steps: int = 100
    max_skipped_in_a_row: int = 3
    early_stop_loss: str | None = None
    early_stop_patience: int = 0
    identity: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class State:
    """Where a run stands; JSON values only."""

    step: int = 0
    epoch: int = 0
    next_batch: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    best: float | None = None
    validations_since_best: int = 0
    interval_steps: int = 0
    interval_sums: Losses = field(default_factory=dict)
    train_curve: list[dict[str, float]] = field(default_factory=list)
    validation_curve: list[dict[str, float]] = field(default_factory=list)


def _ignore(*_: Any) -> None:
    return None


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Callbacks:
    """Who listens. Every call happens between steps.

    Attributes:
        log: `(split, step, losses)` for each point of a curve.
        progress: `(steps done, steps in all, latest losses)` after each step.
        stop: Asked before each step; true ends the run at a checkpoint.
        checkpointed: `(step,)` once a checkpoint is on the disk.
    """

    log: Callable[[str, int, Losses], None] = _ignore
    progress: Callable[[int, int, Losses], None] = _ignore
    stop: Callable[[], bool] = _never
    checkpointed: Callable[[int], None] = _ignore


@dataclass(frozen=True)
class Trained:
    """What a run leaves.

    Attributes:
        finished: False when `stop` ended it early.
        state: Position and curves.
        weights: State dicts by module name: the averages where they are kept.
    """

    finished: bool
    state: State
    weights: Mapping[str, Mapping[str, Tensor]]


def total_steps(
    max_steps: int | None, max_epochs: int | None, accumulate: int, batches_per_epoch: int
) -> int:
    """Optimiser steps of a run: the smaller of what steps and epochs allow, at least one.

    Raises:
        UserError: neither is limited.
    """
    limits = [] if max_steps is None else [max_steps]
    if max_epochs is not None:
        limits.append(max(1, max_epochs * batches_per_epoch // accumulate))
    if not limits:
        raise UserError("train: max_steps and max_epochs are both null; set one of them")
    return min(limits)


def train(
    recipe: Recipe[BatchT],
    feed: Feed[Any, BatchT],
    validation: Sequence[BatchT],
    settings: LoopSettings,
    checkpoints: Checkpoints,
    callbacks: Callbacks | None = None,
) -> Trained:
    """Train from the newest whole checkpoint, or from the start, to the end.

    Raises:
        UserError: the steps keep being non-finite, or the checkpoint belongs to other settings.
    """
    run = _Run(recipe, settings, checkpoints, callbacks or Callbacks())
    run.resume()
    state = run.state
    steps = total_steps(
        settings.max_steps, settings.max_epochs, settings.accumulate, feed.batches_per_epoch()
    )
    stopped = False
    with closing(feed.start(state.epoch, state.next_batch)) as batches:
        while state.step < steps and not run.out_of_patience():
            if stopped := run.callbacks.stop():
                break
            run.step(batches)
            last = state.step == steps
            if last or state.step % settings.log_every_steps == 0:
                run.log()
            if settings.validate_every_steps and (last or state.step % settings.validate_every_steps == 0):
                run.validate(validation)
            run.callbacks.progress(state.step, steps, run.updater.losses)
            if last or state.step % settings.checkpoint_every_steps == 0:
                run.save()
    run.save()
    return Trained(finished=not stopped, state=state, weights=run.weights())


class _Run(Generic[BatchT]):
    """The parts of one run and what is done to them, each once per step at most."""

    def __init__(
        self,
        recipe: Recipe[BatchT],
        settings: LoopSettings,
        checkpoints: Checkpoints,
        callbacks: Callbacks,
    ) -> None:
        self.recipe = recipe
        self.settings = settings
        self.checkpoints = checkpoints
        self.callbacks = callbacks
        self.updater = Updater(recipe, settings.accumulate, settings.max_norms)
        averaged = {name: recipe.modules[name] for name in recipe.averaged}
        self.average = MovingAverage(averaged, settings.ema_decay)
        self.state = State()
        self.saved_step: int | None = None

    def resume(self) -> None:
        """Go on from the newest whole checkpoint, if there is one."""
        snapshot = self.checkpoints.latest()
        if snapshot is None:
            return
        wanted = self.settings.identity
        if canonical_json(snapshot.identity) != canonical_json(wanted):
            raise UserError(
                f"{self.checkpoints.folder}: the checkpoint at step {snapshot.step} was made with "
                "other settings; remove the folder to start again"
            )
        recipe = self.recipe
        restore(snapshot, recipe.modules, recipe.optimisers, self.average.averages)
        self.state = State(**snapshot.scalars["loop"], **snapshot.history)
        self.saved_step = self.state.step

    def step(self, batches: Iterator[Fed[BatchT]]) -> None:
        """One optimiser step, or one skipped for not being finite."""
        state, seed = self.state, self.settings.seed
        self.recipe.set_learning_rates(state.step, state.epoch)
        self.updater.start_step()
        names: list[str] = []
        refused: NonFiniteUpdateError | None = None
        for micro_batch in range(self.settings.accumulate):
            fed = next(batches)
            state.epoch, state.next_batch = fed.epoch, fed.next_index
            names += self.recipe.utterances(fed.batch)
            if refused is None:
                self.updater.micro_batch = micro_batch
                step_seed = derive_seed(seed, "step", state.step, micro_batch)
                torch.manual_seed(step_seed)
                try:
                    self.recipe.train_step(fed.batch, self.updater, torch.Generator().manual_seed(step_seed))
                except NonFiniteUpdateError as error:
                    refused = error
        state.step += 1
        if refused is not None:
            self._skip(refused, names)
            return
        state.skipped_in_a_row = 0
        self.average.update()
        state.interval_steps += 1
        for name, value in self.updater.losses.items():
            state.interval_sums[name] = state.interval_sums.get(name, 0.0) + value

    def _skip(self, error: NonFiniteUpdateError, names: Sequence[str]) -> None:
        state, limit = self.state, self.settings.max_skipped_in_a_row
        state.skipped += 1
        state.skipped_in_a_row += 1
        found = ", ".join(f"{key} {value:.4g}" for key, value in error.refused.values.items())
        message = (
            f"step {state.step}: non-finite {error.refused.optimiser} update ({found}) "
            f"on utterances {', '.join(names)}"
        )
        if state.skipped_in_a_row > limit:
            raise UserError(
                f"{message}; that is {state.skipped_in_a_row} such steps in a row: lower the "
                "learning rate, listen to these utterances, or raise max_skipped_in_a_row"
            ) from error
        logger.warning("%s; step skipped", message)

    def log(self) -> None:
        """Put the mean losses since the last point on the curve."""
        state = self.state
        if not state.interval_steps:
            return
        losses = {name: total / state.interval_steps for name, total in state.interval_sums.items()}
        state.interval_steps, state.interval_sums = 0, {}
        state.train_curve.append({"step": state.step, **losses})
        self.callbacks.log("train", state.step, losses)

    @torch.no_grad()
    def validate(self, batches: Sequence[BatchT]) -> None:
        """Put the mean validation losses on the curve."""
        if not batches:
            return
        for module in self.recipe.modules.values():
            module.eval()
        sums: Losses = {}
        clips = 0
        for index, batch in enumerate(batches):
            # The same noise each time: points of the curve differ by the weights alone.
            torch.manual_seed(derive_seed(self.settings.seed, "validation", index))
            size = len(self.recipe.utterances(batch))
            clips += size
            for name, value in self.recipe.validate(batch).items():
                sums[name] = sums.get(name, 0.0) + float(value) * size
        for module in self.recipe.modules.values():
            module.train()
        losses = {name: total / clips for name, total in sums.items()}
        state = self.state
        state.validation_curve.append({"step": state.step, **losses})
        self.callbacks.log("validation", state.step, losses)
        if (watched := self.settings.early_stop_loss) is not None:
            better = state.best is None or losses[watched] < state.best
            state.best = losses[watched] if better else state.best
            state.validations_since_best = 0 if better else state.validations_since_best + 1

    def out_of_patience(self) -> bool:
        """Whether early stopping is on and due."""
        watched = self.settings.early_stop_loss is not None
        patience = self.settings.early_stop_patience
        return watched and 0 < patience <= self.state.validations_since_best

    def save(self) -> None:
        """Write a checkpoint unless this very step has one."""
        if self.saved_step == self.state.step:
            return
        recipe, average = self.recipe, self.average.averages
        tensors, plain = capture(recipe.modules, recipe.optimisers, average)
        scalars = asdict(self.state)
        curves = {name: scalars.pop(name) for name in ("train_curve", "validation_curve")}
        snapshot = Snapshot(
            step=self.state.step,
            tensors=tensors,
            scalars={"loop": scalars, "optimiser_slots": plain},
            history=curves,
            identity=self.settings.identity,
        )
        self.checkpoints.save(snapshot)
        self.saved_step = self.state.step
        self.callbacks.checkpointed(self.state.step)

    def weights(self) -> dict[str, dict[str, Tensor]]:
        """State dicts by module name, averages in place of live weights where they are kept."""
        modules = self.recipe.modules
        return {name: self.average.weights_of(name, module) for name, module in modules.items()}
