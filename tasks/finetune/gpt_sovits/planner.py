"""What to train, and for how long, on so much speech: decisions, and why as codes.

Fine-tuning from published weights needs little speech but overdoes it easily: SoVITS learns a timbre from
seconds, the text-to-semantic decoder a prosody from minutes only. The amounts are those that users of
GPT-SoVITS arrived at. `tasks.finetune.gpt_sovits.explanation` says in words what is decided here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from configs.errors import UserError
from configs.plan import Choice
from tasks.finetune.length import TrainingLength

Enough = Literal["reference_only", "timbre", "timbre_and_some_prosody", "timbre_and_prosody"]
"""What an amount of speech is enough for."""

Reason = Literal[
    "kept_as_asked", "kept_too_little_speech", "limits_given", "from_scratch", "asked_despite_little", "fits"
]
"""Why a network is trained as it is, or kept."""


class Span(NamedTuple):
    """Epochs that suit an amount of speech: the fewest that reach `steps`, between `fewest` and `most`."""

    fewest: int
    most: int
    steps: int

    def epochs(self, steps_per_epoch: float) -> int:
        """Epochs of a corpus that makes so many steps."""
        return min(max(math.ceil(self.steps / steps_per_epoch), self.fewest), self.most)


class Amount(NamedTuple):
    """Up to `below_s` seconds of speech: what to train."""

    below_s: float
    sovits: Span | None
    t2s: Span | None
    enough: Enough


AMOUNTS = (
    Amount(10.0, None, None, "reference_only"),
    Amount(60.0, Span(4, 8, 8), None, "timbre"),
    Amount(600.0, Span(8, 15, 100), Span(5, 10, 50), "timbre_and_some_prosody"),
    Amount(math.inf, Span(8, 20, 500), Span(15, 15, 0), "timbre_and_prosody"),
)
SCRATCH_STEPS = {"sovits": 20_000, "t2s": 10_000}
"""Without published weights there is no table: a length to begin with, to be judged by the curves."""
FEWEST_CLIPS = 100
"""GPT-SoVITS repeats fewer clips than that within an epoch of T2S, so that it makes some steps."""


def t2s_passes(clips: int) -> int:
    """Passes through so many clips that GPT-SoVITS counts as one epoch of T2S (`AR/data/dataset.py`)."""
    return max(2, FEWEST_CLIPS // clips) if 0 < clips < FEWEST_CLIPS else 1


@dataclass(frozen=True)
class Network:
    """What the planner knows of one network.

    Attributes:
        pretrained: Whether it starts from published weights.
        choice: The user's word: auto, train or keep.
        max_epochs, max_steps: Limits set by the user, which overrule the plan's.
        steps_per_epoch: Optimiser steps of a pass through the training clips; below 1 where a step
            accumulates more batches than an epoch has.
        passes: Passes through the clips that GPT-SoVITS counts as one epoch.
    """

    pretrained: bool
    choice: Choice
    max_epochs: int | None
    max_steps: int | None
    steps_per_epoch: float
    passes: int = 1


class Decision(NamedTuple):
    """What happens to one network, and why."""

    length: TrainingLength
    reason: Reason


class Plan(NamedTuple):
    """The decisions by network, and what so much speech is enough for."""

    decisions: Mapping[str, Decision]
    enough: Enough

    def lengths(self) -> dict[str, dict[str, Any]]:
        """What trainings read, as JSON values by network."""
        return {name: asdict(decision.length) for name, decision in self.decisions.items()}


def plan_training(speech_s: float, networks: Mapping[str, Network]) -> Plan:
    """Decide for each of `sovits` and `t2s`.

    Args:
        speech_s: Usable speech, seconds.
        networks: The two networks by name.

    Raises:
        UserError: a network is to be kept that has no published weights.
    """
    amount = next(row for row in AMOUNTS if speech_s < row.below_s)
    spans = {"sovits": amount.sovits, "t2s": amount.t2s}
    return Plan(
        {name: _decide(name, network, spans[name]) for name, network in networks.items()}, amount.enough
    )


def reasons(plan: Plan, speech_s: float, n_clips: int, networks: Mapping[str, Network]) -> dict[str, Any]:
    """Why the plan is what it is, in numbers and codes, as JSON values; arguments as `plan_training`'s."""
    return {
        "speech_s": speech_s,
        "clips": n_clips,
        "enough": plan.enough,
        "networks": {
            name: {
                "reason": decision.reason,
                "pretrained": networks[name].pretrained,
                "steps_per_epoch": networks[name].steps_per_epoch,
                "passes": networks[name].passes,
            }
            for name, decision in plan.decisions.items()
        },
    }


def _decide(name: str, network: Network, span: Span | None) -> Decision:
    if network.choice == "keep":
        if not network.pretrained:
            raise UserError(
                f"train.plan.{name} = keep: there are no published weights to keep; "
                f"set train.{name}.pretrained, or train.plan.{name}=auto"
            )
        return Decision(TrainingLength(train=False), "kept_as_asked")
    if network.max_epochs is not None or network.max_steps is not None:
        return Decision(TrainingLength(True, network.max_epochs, network.max_steps), "limits_given")
    if not network.pretrained:
        return Decision(TrainingLength(True, max_steps=SCRATCH_STEPS[name]), "from_scratch")
    if span is not None:
        return Decision(_fitting(span, network), "fits")
    if network.choice == "train":
        # Asked to train on less than the table wants: as gently as the table's least.
        least = next(row for row in (getattr(amount, name) for amount in AMOUNTS) if row)
        return Decision(_fitting(least, network), "asked_despite_little")
    return Decision(TrainingLength(train=False), "kept_too_little_speech")


def _fitting(span: Span, network: Network) -> TrainingLength:
    epochs = span.epochs(network.steps_per_epoch * network.passes)
    return TrainingLength(True, max_epochs=epochs * network.passes)
