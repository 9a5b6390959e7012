"""StyleTTS 2 for the training loop: its three stages as recipes.

Every part of a step (alignment and synthesis, then the SLM adversary) draws from generators of its own that
follow from the batch's seed, so that it makes the same numbers whether a pass runs all parts or one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from configs.train_styletts2 import StyleTTS2TrainSettings
from models.acoustics.batch import AcousticBatch
from models.seeds import derive_seed
from models.styletts2.joint_step import JointStep
from models.styletts2.slm_adversary import TRAINED, Judged, SlmAdversary, scale_gradients
from models.styletts2.step import Stage1Step, reconstruct, say
from models.styletts2.training import (
    DISCRIMINATORS,
    Networks,
    Phase,
    chosen,
    enter,
    iterate_spectral_norms,
    recorded_pitch,
)
from tasks.finetune.characters.references import References, no_references
from tasks.finetune.listening import DEAF, Ear
from tasks.finetune.machine import Machine
from tasks.finetune.rates import set_rates
from tasks.finetune.recipe import Updater
from tasks.finetune.rendered_pitch import Rendering
from tasks.finetune.styletts2.optimisers import SharedStep, adamw
from tasks.finetune.styletts2.phases import Schedule, loss_weights


class _Recipe:
    """What the stages share: networks, optimisers, the phase of the position."""

    def __init__(
        self,
        networks: Networks,
        settings: StyleTTS2TrainSettings,
        schedule: Schedule,
        steps: int,
        machine: Machine,
        first_stage: bool,
        references: References = no_references,
        ear: Ear = DEAF,
        other_texts: Sequence[Sequence[int]] = (),
    ) -> None:
        self.networks = networks
        self.settings = settings
        self.schedule = schedule
        self.steps = steps
        self.machine = machine
        self.references = references
        self.ear = ear
        self.modules: Mapping[str, nn.Module] = networks.named()
        phases = schedule.phases
        trained = {
            name: network
            for name, network in self.modules.items()
            if any(name in phase.trained for phase in phases)
        }
        self.averaged: Sequence[str] = tuple(trained)
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        if any(phase.adversarial for phase in phases):
            judges = {name: self.modules[name] for name in DISCRIMINATORS}
            self.optimisers["discriminator"] = adamw(judges, settings.optimiser, first_stage)
        fresh_bert = settings.pretrained_bert is None and settings.pretrained is None
        generator = adamw(trained, settings.optimiser, first_stage, fresh_bert)
        self.optimisers["generator"] = generator
        self.adversary: SlmAdversary | None = None
        if any(phase.joint for phase in phases):
            rule = settings.slm.adversary
            assert rule is not None
            self.adversary = SlmAdversary(networks, rule, other_texts)
            wd = {"wd": self.modules["wd"]}
            self.optimisers["slm_discriminator"] = adamw(wd, settings.optimiser, first_stage)
            self.optimisers["slm"] = SharedStep(generator, TRAINED, lambda: scale_gradients(networks, rule))
        self.weights = loss_weights(settings.losses)
        self.phase: Phase = schedule.first
        self.position = 0

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """Begin an optimiser step: the phase's state of every network, spectral norms, learning rates."""
        self.position = step
        self.phase = self.schedule.at(step, epoch)
        enter(self.networks, self.phase, self.settings.interpolates)
        iterate_spectral_norms(self.networks, self.phase)
        plain = [o for o in self.optimisers.values() if not isinstance(o, SharedStep)]
        set_rates(plain, self.settings.optimiser, step, self.steps)

    def utterances(self, batch: AcousticBatch) -> Sequence[str]:
        """Ids of the batch's clips."""
        return batch.utterance_ids

    def heard(self, batch: AcousticBatch, say: Callable[[], Tensor]) -> dict[str, Tensor]:
        """What a clip sounds like at its recorded pitch and others, and as `say` says it."""
        recorded = recorded_pitch(self.networks, batch.mel, batch.f0_hz)[0].cpu().numpy()

        def at_pitch(factor: float) -> Rendering:
            return Rendering(recorded * factor, reconstruct(self.networks, batch, factor)[1][0, 0])

        return self.ear.hear(batch.utterance_ids[0], batch.wave[0], at_pitch, say)


class Stage1Recipe(_Recipe):
    """Stage 1: mel distance first; from TMA_epoch on the aligner, and D before G."""

    def __init__(
        self,
        networks: Networks,
        settings: StyleTTS2TrainSettings,
        schedule: Schedule,
        steps: int,
        machine: Machine,
        ear: Ear = DEAF,
    ) -> None:
        super().__init__(networks, settings, schedule, steps, machine, first_stage=True, ear=ear)
        self.step = Stage1Step(networks, settings.max_len_frames, settings.losses.lambda_stft > 0)

    def train_step(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        """One step, or the part of it that this pass wants."""
        phase, step = self.phase, self.step
        judges = phase.adversarial and update.wants("discriminator")
        if not judges and not update.wants("generator"):
            return
        batch = self.machine.place(batch)
        with torch.set_grad_enabled(update.wants("generator")), self.machine.autocast():
            synthesis = step.forward(batch, rng)
        if judges:
            with self.machine.autocast():
                losses = step.discriminator_losses(synthesis)
            update.apply("discriminator", losses, {"disc": 1.0})
        if update.wants("generator"):
            with self.machine.autocast():
                losses = step.generator_losses(synthesis, phase)
            update.apply("generator", losses, chosen(self.weights, losses))

    def validate(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """Mel distance of a whole clip's reconstruction, and `tasks.finetune.listening`'s of its sound."""
        batch = self.machine.place(batch)
        # Nothing speaks from text yet.
        heard = self.heard(batch, lambda: reconstruct(self.networks, batch)[1][0, 0])
        return self.step.validation_losses(batch) | heard


class JointRecipe(_Recipe):
    """Stage 2 and fine-tuning: D, G, then the SLM adversary, D before G again."""

    def __init__(
        self,
        networks: Networks,
        settings: StyleTTS2TrainSettings,
        schedule: Schedule,
        steps: int,
        machine: Machine,
        references: References = no_references,
        ear: Ear = DEAF,
        other_texts: Sequence[Sequence[int]] = (),
    ) -> None:
        super().__init__(networks, settings, schedule, steps, machine, False, references, ear, other_texts)
        self.step = JointStep(networks, settings.max_len_frames, settings.losses.lambda_stft > 0)

    def train_step(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        """One step, or the part of it that this pass wants."""
        batch = self.machine.place(self.references(batch, _part(rng, "references")))
        self._synthesis(batch, update, _part(rng, "synthesis"))
        if self.phase.joint:
            self._adversary(batch, update, _part(rng, "adversary"))

    def _synthesis(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        phase, step = self.phase, self.step
        judges = phase.adversarial and update.wants("discriminator")
        generates = update.wants("generator")
        if not judges and not generates:
            return
        with torch.set_grad_enabled(generates), self.machine.autocast():
            synthesis = step.forward(batch, phase, rng, wave_only=not generates)
        if judges:
            with self.machine.autocast():
                losses = step.discriminator_losses(synthesis)
            update.apply("discriminator", losses, {"disc": 1.0})
        if generates:
            with self.machine.autocast():
                losses = step.generator_losses(synthesis, phase)
            update.apply("generator", losses, chosen(self.weights, losses))

    def _adversary(self, batch: AcousticBatch, update: Updater, rng: torch.Generator) -> None:
        adversary = self.adversary
        assert adversary is not None
        judges = self.position % adversary.rule.iter == 0 and update.wants("slm_discriminator")
        generates = update.wants("slm")
        if not judges and not generates:
            return
        with torch.set_grad_enabled(generates), self.machine.autocast():
            judged = adversary.synthesize(batch, rng)
        if judges:
            with self.machine.autocast():
                losses = None if judged is None else self._verdict(adversary, judged, batch, rng)
            update.apply_if_any("slm_discriminator", losses, {"slm_disc": 1.0})
        if generates:
            with self.machine.autocast():
                losses = None if judged is None else adversary.generator_losses(judged)
            update.apply_if_any("slm", losses, {"slm_gen": 1.0})

    def _verdict(
        self, adversary: SlmAdversary, judged: Judged, batch: AcousticBatch, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Half the time the discriminator hears reconstructions instead of recordings."""
        rebuilds, crops = (torch.rand(2, generator=rng) < 0.5).tolist()
        rebuilt = self.step.reconstruct(batch, self.phase, rng) if rebuilds else None
        return adversary.discriminator_losses(judged, rebuilt, crops)

    def validate(self, batch: AcousticBatch) -> dict[str, Tensor]:
        """See `JointStep.validation_losses` and `tasks.finetune.listening`."""
        batch = self.machine.place(batch)
        heard = self.heard(batch, lambda: say(self.networks, batch, torch.Generator().manual_seed(0)))
        return self.step.validation_losses(batch) | heard


def _part(rng: torch.Generator, part: str) -> torch.Generator:
    """A part's generator; dropout's, which is global, is seeded for it as well."""
    seed = derive_seed(rng.initial_seed(), part)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
