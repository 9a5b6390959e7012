"""The training loop of every family: next batch, one step, log, validate, checkpoint.

The loop knows positions and losses, a `Recipe` knows models. It reports through callbacks and never
learns who listens. All randomness of a step is seeded from (seed, step), so stopping anywhere and
going on from the last checkpoint gives the same weights, optimisers and losses as never having
stopped.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from artifacts.digest import canonical_json
from configs.errors import UserError
from configs.train import TrainSettings
from models.seeds import derive_seed
from tasks.finetune.batches import Feed, Position
from tasks.finetune.checkpoint import Checkpoints, Snapshot, capture, restore, under
from tasks.finetune.distributed import Ranks, current_ranks
from tasks.finetune.length import TrainingLength
from tasks.finetune.pitch_rule import PitchRule
from tasks.finetune.recipe import MovingAverage, NonFiniteUpdateError, Recipe, Updater

logger = logging.getLogger(__name__)

BatchT = TypeVar("BatchT")
Losses = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a run is made.

    Attributes:
        seed: Seeds batches, segments and dropout.
        length: Of the run.
        train: The family's settings: what is accumulated, averaged, logged, validated, saved, skipped.
        max_norms: Gradient clipping norm per optimiser.
        validate_first: Whether there is a validation before the first step, to measure training by.
        watched: Figures of a validation whose sum, `score`, tells better weights from worse; those that a
            validation lacks are left out. Empty: nothing does, and the last weights are the result.
        pitch_rule: When the sound ignores pitch, which validations then warn of or stop the run for.
        identity: What a resumed run must have been started with.
    """

    seed: int
    length: TrainingLength
    train: TrainSettings
    max_norms: Mapping[str, float] = field(default_factory=dict)
    validate_first: bool = False
    watched: Sequence[str] = ()
    pitch_rule: PitchRule | None = None
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
    best_step: int | None = None
    validations_since_best: int = 0
    interval_steps: int = 0
    interval_sums: Losses = field(default_factory=dict)
    interval_counts: dict[str, int] = field(default_factory=dict)
    train_curve: list[dict[str, float]] = field(default_factory=list)
    validation_curve: list[dict[str, float]] = field(default_factory=list)


class Validation(NamedTuple):
    """A validation that was just made.

    Attributes:
        step: Optimiser steps taken.
        first_step: Of the run's first validation.
        best_step: Of the best one so far, this one included; None where nothing is watched.
    """

    step: int
    first_step: int
    best_step: int | None


def ignore(*_: Any) -> None:
    """The callback of nobody."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Callbacks:
    """Who listens. Every call happens between steps; all but `stop` in the first process alone.

    Attributes:
        log: `(split, step, losses)` for each point of a curve.
        progress: `(steps done, steps in all, latest losses)` after each step.
        phase: `(name, done, total)` of what comes before the first step.
        validated: Called with the validated weights still in the modules, in evaluation mode.
        stop: Asked before each step and each batch of a validation; true, in any process, ends the run at a
            checkpoint. A validation that was broken off is made anew by the next run.
        checkpointed: `(step,)` once a checkpoint is on the disk.
    """

    log: Callable[[str, int, Losses], None] = ignore
    progress: Callable[[int, int, Losses], None] = ignore
    phase: Callable[[str, int, int], None] = ignore
    validated: Callable[[Validation], None] = ignore
    stop: Callable[[], bool] = _never
    checkpointed: Callable[[int], None] = ignore


@dataclass(frozen=True)
class Trained:
    """What a run leaves.

    Attributes:
        finished: False when `stop` ended it early.
        state: Position and curves.
        weights: State dicts by module name: those that validated best where the settings choose them, else
            the last; the averages where they are kept.
    """

    finished: bool
    state: State
    weights: Mapping[str, Mapping[str, Tensor]]


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
    ranks = current_ranks()
    accumulate = settings.train.accumulate
    if ranks.count > accumulate:
        raise UserError(
            f"accumulate = {accumulate}: {ranks.count} processes share the batches of a step, so it "
            f"must be at least {ranks.count} (compute.processes); batch_size can be smaller in exchange"
        )
    run = _Run(recipe, feed, settings, checkpoints, callbacks or Callbacks(), ranks)
    run.resume()
    with closing(feed.start(run.position, run.takes)) as batches:
        while True:
            stopped = run.owes_validation() and not run.validate(validation)
            if stopped:
                break
            if run.owes_checkpoint():
                run.save()
            if run.ended():
                break
            if stopped := ranks.any(run.callbacks.stop()):
                break
            run.step(batches)
            if run.at_every(settings.train.log_every_steps):
                run.log()
            if ranks.first:
                run.callbacks.progress(run.state.step, run.steps, run.updater.losses)
    run.save()
    return Trained(finished=not stopped, state=run.state, weights=run.weights())


class _Run(Generic[BatchT]):
    """The parts of one run and what is done to them, each once per step at most."""

    def __init__(
        self,
        recipe: Recipe[BatchT],
        feed: Feed[Any, BatchT],
        settings: LoopSettings,
        checkpoints: Checkpoints,
        callbacks: Callbacks,
        ranks: Ranks,
    ) -> None:
        self.recipe = recipe
        self.feed = feed
        self.settings = settings
        self.checkpoints = checkpoints
        self.callbacks = callbacks
        self.ranks = ranks
        self.updater = Updater(recipe, settings.train.accumulate, settings.max_norms, ranks)
        averaged = {name: recipe.modules[name] for name in recipe.averaged}
        self.average = MovingAverage(averaged, settings.train.ema_decay)
        self.best: dict[str, Tensor] = {}
        self.state = State()
        self.saved_step: int | None = None
        self.steps = settings.length.steps(settings.train.accumulate, feed.batches_per_epoch())

    @property
    def position(self) -> Position:
        """The next batch."""
        return Position(self.state.epoch, self.state.next_batch)

    def takes(self, number: int) -> bool:
        """Whether the n-th batch from the start of a step on is this process's."""
        return self.ranks.takes(number % self.settings.train.accumulate)

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
        self.best = restore(snapshot, recipe.modules, recipe.optimisers, self.average.averages)
        self.state = State(**snapshot.scalars["loop"], **snapshot.history)
        self.saved_step = self.state.step

    def step(self, batches: Iterator[BatchT]) -> None:
        """One optimiser step, or one skipped for not being finite."""
        state = self.state
        self.recipe.set_learning_rates(state.step, state.epoch)
        own = [(number, next(batches)) for number in self.updater.numbers]
        refused: NonFiniteUpdateError | None = None
        try:
            self._update(own)
        except NonFiniteUpdateError as error:
            refused = error
        state.epoch, state.next_batch = self.feed.after(self.position, self.settings.train.accumulate)
        state.step += 1
        if refused is not None:
            self._skip(refused, [name for _, batch in own for name in self.recipe.utterances(batch)])
            return
        state.skipped_in_a_row = 0
        self.average.update()
        state.interval_steps += 1
        for name, value in self.updater.losses.items():
            state.interval_sums[name] = state.interval_sums.get(name, 0.0) + value
            state.interval_counts[name] = state.interval_counts.get(name, 0) + 1

    def _update(self, batches: Sequence[tuple[int, BatchT]]) -> None:
        self.updater.start_step()
        for _ in self.updater.passes():
            for number, batch in batches:
                seed = derive_seed(self.settings.seed, "step", self.state.step, number)
                torch.manual_seed(seed)
                self.recipe.train_step(batch, self.updater, torch.Generator().manual_seed(seed))

    def _skip(self, error: NonFiniteUpdateError, own_names: Sequence[str]) -> None:
        names = self.ranks.gathered(own_names)
        state, limit = self.state, self.settings.train.max_skipped_in_a_row
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
        if self.ranks.first:
            logger.warning("%s; step skipped", message)

    def log(self) -> None:
        """Put the mean losses since the last point on the curve."""
        state = self.state
        if not state.interval_steps:
            return
        # Some losses are not there in every step.
        losses = {name: total / state.interval_counts[name] for name, total in state.interval_sums.items()}
        state.interval_steps, state.interval_sums, state.interval_counts = 0, {}, {}
        state.train_curve.append({"step": state.step, **losses})
        if self.ranks.first:
            self.callbacks.log("train", state.step, losses)

    def at_every(self, steps: int) -> bool:
        """Whether the run stands at a multiple of so many steps, or at its last one."""
        return self.state.step == self.steps or self.state.step % steps == 0

    def owes_checkpoint(self) -> bool:
        """Whether the steps taken are to be saved; before the first there are none."""
        return self.state.step > 0 and self.at_every(self.settings.train.checkpoint_every_steps)

    def owes_validation(self) -> bool:
        """Whether the weights as they are are to be validated and were not."""
        every, curve = self.settings.train.validate_every_steps, self.state.validation_curve
        if not every or (curve and curve[-1]["step"] == self.state.step):
            return False
        return self.at_every(every) if self.state.step else self.settings.validate_first

    def ended(self) -> bool:
        """Whether all steps are taken, or early stopping is due."""
        patience = self.settings.train.early_stop_patience
        return self.state.step >= self.steps or 0 < patience <= self.state.validations_since_best

    @torch.no_grad()
    def validate(self, batches: Sequence[BatchT]) -> bool:
        """Put the mean validation losses of the weights that would be the result on the curve.

        Returns:
            Whether it came to its end: false when a stop was asked for meanwhile, and nothing is noted.
        """
        if not batches:
            return True
        for module in self.recipe.modules.values():
            module.eval()
        with self.average.in_force():
            # One process measures and tells the others: rounding must not make them disagree on stopping.
            losses = self.ranks.from_first(self._validation_losses(batches) if self.ranks.first else None)
            if losses is None:
                return False
            better = self._note(losses)
            # The checkpoint of a run that was stopped here lacks this validation.
            self.saved_step = None
            if self.settings.pitch_rule is not None:
                self.settings.pitch_rule.heed(self.state.validation_curve[-1], self.steps)
            if self.ranks.first:
                state = self.state
                self.callbacks.log("validation", state.step, losses)
                first = int(state.validation_curve[0]["step"])
                self.callbacks.validated(Validation(state.step, first, state.best_step))
        for module in self.recipe.modules.values():
            module.train()
        if better and self.settings.train.choose == "best":
            self.best = {
                f"{name}/{key}": tensor.detach().cpu().clone()
                for name, module in self.recipe.modules.items()
                for key, tensor in self.average.weights_of(name, module).items()
            }
        return True

    def _validation_losses(self, batches: Sequence[BatchT]) -> Losses | None:
        """Means over the clips; None when a stop was asked for on the way."""
        sums: Losses = {}
        clips: dict[str, int] = {}
        for index, batch in enumerate(batches):
            if self.callbacks.stop():
                return None
            if not self.state.step:
                self.callbacks.phase("first validation", index, len(batches))
            # The same noise each time: points of the curve differ by the weights alone.
            torch.manual_seed(derive_seed(self.settings.seed, "validation", index))
            size = len(self.recipe.utterances(batch))
            for name, value in self.recipe.validate(batch).items():
                sums[name] = sums.get(name, 0.0) + float(value) * size
                clips[name] = clips.get(name, 0) + size
        return {name: total / clips[name] for name, total in sums.items()}

    def _note(self, losses: Losses) -> bool:
        """Put a validation on the curve; whether it is the best so far."""
        state, watched = self.state, self.settings.watched
        if not watched:
            state.validation_curve.append({"step": state.step, **losses})
            return False
        value = sum(losses[name] for name in watched if name in losses)
        state.validation_curve.append({"step": state.step, **losses, "score": value})
        better = math.isfinite(value) and (state.best is None or value < state.best)
        if better:
            state.best, state.best_step = value, state.step
        state.validations_since_best = 0 if better else state.validations_since_best + 1
        return better

    def save(self) -> None:
        """Write a checkpoint unless this very step has one."""
        if self.saved_step == self.state.step:
            return
        self.saved_step = self.state.step
        if not self.ranks.first:
            return
        recipe, average = self.recipe, self.average.averages
        tensors, plain = capture(recipe.modules, recipe.optimisers, average, self.best)
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
        self.callbacks.checkpointed(self.state.step)

    def weights(self) -> dict[str, dict[str, Tensor]]:
        """State dicts by module name: the best ones, the averages or the live ones, as `Trained` says."""
        modules = self.recipe.modules
        if self.best:
            return {name: under(self.best, f"{name}/") for name in modules}
        return {name: self.average.weights_of(name, module) for name, module in modules.items()}
