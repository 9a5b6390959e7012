"""When each phase of StyleTTS 2's training is on: a pure function of the position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from configs.train_styletts2 import (
    FinetuneSettings,
    Stage1Settings,
    Stage2Settings,
    StyleTTS2LossSettings,
)
from models.styletts2.joint_step import (
    DIFFUSION,
    FINETUNE,
    FINETUNE_DIFFUSION,
    FINETUNE_JOINT,
    JOINT,
    PROSODY,
)
from models.styletts2.step import ACOUSTIC, ALIGNED
from models.styletts2.training import Phase

MEASURED = ("sigma_data",)
"""What the steps tell beside their losses."""


class Border(NamedTuple):
    """Where a phase begins: at an epoch, or at an optimiser step where one is given."""

    epoch: int
    step: int | None

    def passed(self, step: int, epoch: int) -> bool:
        """Whether this position is in the phase or past it."""
        return epoch >= self.epoch if self.step is None else step >= self.step


class Schedule(NamedTuple):
    """Phases in their order; the first has no border."""

    first: Phase
    later: tuple[tuple[Border, Phase], ...]

    def at(self, step: int, epoch: int) -> Phase:
        """The phase of a position: the last one whose border is passed."""
        passed = [phase for border, phase in self.later if border.passed(step, epoch)]
        return passed[-1] if passed else self.first

    @property
    def phases(self) -> tuple[Phase, ...]:
        """All of them."""
        return (self.first, *(phase for _, phase in self.later))


def schedule_of(stage: Stage1Settings | Stage2Settings | FinetuneSettings, joint: bool) -> Schedule:
    """The phases of a stage; without `joint` the last one lacks its SLM adversary."""
    if isinstance(stage, Stage1Settings):
        return Schedule(ACOUSTIC, ((Border(stage.tma_epoch, stage.tma_step), ALIGNED),))
    phases = (
        (PROSODY, DIFFUSION, JOINT)
        if isinstance(stage, Stage2Settings)
        else (FINETUNE, FINETUNE_DIFFUSION, FINETUNE_JOINT)
    )
    last = phases[2] if joint else replace(phases[2], joint=False)
    return Schedule(
        phases[0],
        (
            (Border(stage.diff_epoch, stage.diff_step), phases[1]),
            (Border(stage.joint_epoch, stage.joint_step), last),
        ),
    )


def loss_weights(losses: StyleTTS2LossSettings) -> Mapping[str, float]:
    """The weights of all generator losses, by the names that the steps give them.

    What is only measured has none: it is averaged and put on the curve like a loss.
    """
    weights = {name.removeprefix("lambda_"): weight for name, weight in losses.model_dump().items()}
    return {**weights, **dict.fromkeys(MEASURED, 0.0)}
