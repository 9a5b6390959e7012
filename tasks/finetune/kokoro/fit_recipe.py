"""Fitting a Kokoro voice for the training loop: what learns when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from configs.train_kokoro_fit import KokoroFitSettings
from models.acoustics.batch import AcousticBatch
from models.kokoro.fit_step import FitStep
from tasks.finetune.kokoro.fit_plan import FitPlan
from tasks.finetune.listener import Listener
from tasks.finetune.machine import Machine
from tasks.finetune.recipe import Updater

DECODER = "decoder"
"""Name of the module of the decoder's biases."""

_BETAS = (0.8, 0.99)
_PROSODY_EVERY = 2
"""Its shares are few and settle soon, and the way to them, through LSTMs, is a third of a step."""


class KokoroFitRecipe:
    """Voices against the recordings; of the model at most biases of the decoder learn.

    Args:
        step: The arithmetic, with the networks.
        settings: Of the stage.
        plan: Steps of its parts.
        machine: Where and how precisely.
        listener: Who hears validation clips, where there is one.
    """

    def __init__(
        self,
        step: FitStep,
        settings: KokoroFitSettings,
        plan: FitPlan,
        machine: Machine,
        listener: Listener | None,
    ) -> None:
        voices, biases = step.networks.voices, step.networks.biases
        self.step = step
        self.plan = plan
        self.listener = listener
        self.with_prosody = True
        self.mix_lr, self.vector_lrs = settings.mix_lr, (settings.vector_lr, settings.decoder_lr)
        self.machine = machine
        self.modules: Mapping[str, nn.Module] = {"fit": voices}
        groups = [
            {"params": voices.mix_parameters(), "lr": settings.mix_lr},
            {"params": [voices.offset], "lr": 0.0},
        ]
        if biases is not None:
            self.modules = {**self.modules, DECODER: biases}
            groups.append({"params": list(biases.parameters()), "lr": 0.0})
        self.averaged: Sequence[str] = tuple(self.modules)
        self.optimisers: dict[str, torch.optim.Optimizer] = {"voice": torch.optim.Adam(groups, betas=_BETAS)}
        self._said: dict[str, Tensor] = {}
        self.weights = {
            name.removeprefix("lambda_"): weight for name, weight in settings.losses.model_dump().items()
        }

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """What lies beyond the mix waits until that has come near; prosody learns every other step.

        All rates fall.
        """
        del epoch
        self.with_prosody = step % _PROSODY_EVERY == 0
        left = 1.0 - step / max(1, self.plan.steps)
        mix, *beyond = self.optimisers["voice"].param_groups
        mix["lr"] = left * self.mix_lr
        for group, rate in zip(beyond, self.vector_lrs, strict=False):
            group["lr"] = left * rate if step >= self.plan.mix else 0.0

    def train_step(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        """One step."""
        if update.wants("voice"):
            with self.machine.autocast():
                losses = self.step.losses(self.machine.place(batch), rng, self.with_prosody)
            update.apply("voice", losses, {name: self.weights[name] for name in losses})

    def validate(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """See `FitStep.validation_losses`; `words` (`Misheard.share`) join the score where heard."""
        with self.machine.autocast():
            losses, spoken = self.step.validation_losses(self.machine.place(batch))
        (name,) = batch.utterance_ids
        self._said[name] = spoken.float().cpu()
        if self.listener is None:
            return losses
        words = torch.tensor(self.listener.hear(name, spoken).share)
        return losses | {"words": words, "score": losses["score"] + words}

    @torch.no_grad()
    def render(self, clip: AcousticBatch, rng: torch.Generator) -> dict[str, Tensor]:
        """A clip's text by the voice as it is now: what its validation heard, where it has just had one."""
        (name,) = clip.utterance_ids
        return {"predicted": self._said[name] if name in self._said else self._spoken(clip, rng)}

    def _spoken(self, clip: AcousticBatch, rng: torch.Generator) -> Tensor:
        networks, lengths = self.step.networks, torch.tensor(clip.token_lengths)
        row = networks.voices.rows(networks.indices(clip.speakers), lengths)
        return networks.model.synthesize(clip.tokens, lengths, row, rngs=[rng])[0].float().cpu()

    def utterances(self, batch: AcousticBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids
