"""SoVITS for the training loop: optimisers, rates, the order of a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from configs.train_sovits import SovitsTrainSettings
from models.sovits.step import SovitsBatch, SovitsStep, generator_parameter_groups, reconstructed
from tasks.finetune.machine import Machine
from tasks.finetune.rates import warmup_constant
from tasks.finetune.recipe import Updater
from tasks.finetune.rendered_pitch import Grid, Rendering, pitch_kept, tracked_hz


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
        frame = generator.config.spectrogram
        grid = Grid(frame.sample_rate, frame.hop_samples)
        rows = zip(batch.wave, reconstructed(generator, batch).wave, batch.spec_lengths.tolist(), strict=True)
        renderings = []
        for real, fake, frames in rows:
            samples = frames * frame.hop_samples
            renderings.append(Rendering(tracked_hz(real[0, :samples], frames, grid), fake[0, :samples]))
        return self.step.validation_losses(batch) | pitch_kept(renderings, grid)

    def utterances(self, batch: SovitsBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids


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
