"""Kokoro for the training loop: what is held when, whose prosody the decoder reads, and the optimisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from configs.train_kokoro import KokoroLossSettings, KokoroTrainSettings
from models.acoustics.batch import AcousticBatch
from models.kokoro.freezing import (
    decoder_weights,
    enter,
    held_parts,
    parameter_groups,
    upsampling_shapes,
)
from models.kokoro.step import KokoroStep
from tasks.finetune.listening import DEAF, Ear
from tasks.finetune.machine import Machine
from tasks.finetune.rates import set_rates
from tasks.finetune.recipe import Updater
from tasks.finetune.rendered_pitch import Rendering


class KokoroRecipe:
    """Model and voice table against the recordings, and from some step on against the discriminators.

    Args:
        step: The arithmetic, with the networks.
        settings: Of the stage.
        steps: Optimiser steps of the whole run.
        machine: Where and how precisely.
        ear: Who hears the validated clips.
    """

    def __init__(
        self,
        step: KokoroStep,
        settings: KokoroTrainSettings,
        steps: int,
        machine: Machine,
        ear: Ear = DEAF,
    ) -> None:
        networks = step.networks
        self.step = step
        self.settings = settings
        self.steps = steps
        self.machine = machine
        self.ear = ear
        self.always_held = upsampling_shapes(networks.model) if settings.interpolates else ()
        awaits_judges = settings.held_decoder and settings.pretrained is not None
        self.held_unjudged = decoder_weights(networks.model) if awaits_judges else ()
        self.modules: Mapping[str, nn.Module] = networks.named()
        self.averaged: Sequence[str] = tuple(name for name in self.modules if name not in networks.judges())
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        if networks.judges():
            judges = {name: list(judge.parameters()) for name, judge in networks.judges().items()}
            self.optimisers["discriminator"] = _adamw(judges, settings)
        learning = {
            **parameter_groups(networks.model),
            "voice_table": list(networks.voice_table.parameters()),
        }
        self.optimisers["generator"] = _adamw(learning, settings)
        self.weights = loss_weights(settings.losses)
        self.adversarial = False
        self.share = 1.0

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """Begin an optimiser step: who learns, whose prosody is read, learning rates."""
        networks, settings = self.step.networks, self.settings
        self.adversarial = bool(networks.judges()) and adversarial_at(settings, step, epoch)
        unjudged = () if self.adversarial else self.held_unjudged
        enter(networks.model, (*held_at(settings, step, epoch), *self.always_held, *unjudged))
        networks.voice_table.train()
        self.share = teacher_share(settings, step, self.steps)
        set_rates(self.optimisers.values(), settings.optimiser, step, self.steps)

    def train_step(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        """One step, or the part of it that this pass wants."""
        step = self.step
        judged = self.adversarial and update.wants("discriminator")
        generates = update.wants("generator")
        if not judged and not generates:
            return
        batch = self.machine.place(batch)
        with torch.set_grad_enabled(generates), self.machine.autocast():
            synthesis = step.forward(batch, self.share, rng)
        if judged:
            with self.machine.autocast():
                losses = step.discriminator_losses(synthesis)
            update.apply("discriminator", losses, {"disc": 1.0})
        if generates:
            with self.machine.autocast():
                losses = step.generator_losses(synthesis, self.adversarial)
            update.apply("generator", losses, {name: self.weights[name] for name in losses})

    def validate(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """See `KokoroStep.validation_losses` and `tasks.finetune.listening`."""
        batch, step = self.machine.place(batch), self.step

        def at_pitch(factor: float) -> Rendering:
            made = step.speak(batch, taught=True, pitch_factor=factor).audio[0, 0]
            return Rendering(batch.f0_hz[0].cpu().numpy() * factor, made)

        heard = self.ear.hear(
            batch.utterance_ids[0],
            batch.wave[0],
            at_pitch,
            lambda: step.say(batch, torch.Generator().manual_seed(0)),
        )
        return step.validation_losses(batch) | heard

    def utterances(self, batch: AcousticBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids


def held_at(settings: KokoroTrainSettings, step: int, epoch: int) -> tuple[str, ...]:
    """Parts of the model that are held at a position; none where nothing was published to hold."""
    if settings.pretrained is None or _reached(settings.held_epochs, settings.held_steps, step, epoch):
        return ()
    return held_parts(settings.held_text_layers)


def adversarial_at(settings: KokoroTrainSettings, step: int, epoch: int) -> bool:
    """Whether the discriminators are at work at a position."""
    return settings.adversarial and _reached(
        settings.adversarial_epoch, settings.adversarial_step, step, epoch
    )


def teacher_share(settings: KokoroTrainSettings, step: int, steps: int) -> float:
    """Share of the batches in which the decoder reads recorded prosody: it falls linearly from 1."""
    over = settings.teacher_steps or max(1, steps // 2)
    return 1.0 - (1.0 - settings.teacher_final) * min(1.0, step / over)


def loss_weights(losses: KokoroLossSettings) -> Mapping[str, float]:
    """The weights of all losses, by the names that the step gives them."""
    return {name.removeprefix("lambda_"): weight for name, weight in losses.model_dump().items()}


def _reached(at_epoch: int | None, at_step: int | None, step: int, epoch: int) -> bool:
    """Whether a position lies at or past a border, which a step overrules."""
    if at_step is not None:
        return step >= at_step
    return at_epoch is not None and epoch >= at_epoch


def _adamw(groups: Mapping[str, list[nn.Parameter]], training: KokoroTrainSettings) -> torch.optim.AdamW:
    """One AdamW with a group per network, which carries its `name` and its full rate as `full_lr`."""
    settings = training.optimiser
    own = {
        "bert": settings.bert_lr,
        "voice_table": training.table_lr,
        "mpd": settings.judge_lr,
        "msd": settings.judge_lr,
    }
    listed = [
        {"params": parameters, "name": name, "lr": rate, "full_lr": rate}
        for name, parameters in groups.items()
        for rate in [own.get(name, settings.lr)]
    ]
    return torch.optim.AdamW(
        listed, betas=settings.betas, eps=settings.epsilon, weight_decay=settings.weight_decay, fused=True
    )
