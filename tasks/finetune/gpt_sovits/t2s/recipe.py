"""T2S for the training loop: optimiser, rates, a step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from configs.train_t2s import T2sTrainSettings
from models.optim.scaled_adam import ScaledAdam
from models.t2s.model import TextToSemantic
from models.t2s.preference import spoil
from models.t2s.step import T2SBatch, T2SStep
from tasks.finetune.machine import Machine
from tasks.finetune.rates import warmup_cosine
from tasks.finetune.recipe import Updater


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
            peak_rate(self.settings),
            last_rate(self.settings),
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


def peak_rate(settings: T2sTrainSettings) -> float:
    """`learning_rate`, or the optimiser's own."""
    return settings.learning_rate or {"adamw": 2e-4, "scaled_adam": 2e-3}[settings.optimizer]


def last_rate(settings: T2sTrainSettings) -> float:
    """`final_learning_rate`, or the optimiser's own."""
    if settings.final_learning_rate is not None:
        return settings.final_learning_rate
    return peak_rate(settings) / {"adamw": 10, "scaled_adam": 1}[settings.optimizer]


def build_optimizer(model: TextToSemantic, settings: T2sTrainSettings) -> torch.optim.Optimizer:
    """The optimiser that `settings.optimizer` names, at the peak learning rate."""
    if settings.optimizer == "scaled_adam":
        return ScaledAdam(
            model.parameters(),
            lr=peak_rate(settings),
            betas=settings.betas,
            clipping_scale=settings.clipping_scale,
        )
    return torch.optim.AdamW(
        model.parameters(),
        lr=peak_rate(settings),
        betas=settings.betas,
        weight_decay=settings.weight_decay,
        fused=True,
    )
