"""What to train, and for how long, on so much speech.

Fine-tuning from published weights needs little speech but overdoes it easily: SoVITS learns a timbre from
seconds, the text-to-semantic decoder a prosody from minutes only. The amounts are those that users of
GPT-SoVITS arrived at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from configs.errors import UserError
from configs.plan import Choice


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
    reason: str


AMOUNTS = (
    Amount(
        10.0, None, None, "too little to learn from: the reference clip alone makes the voice (zero-shot)"
    ),
    Amount(60.0, Span(4, 8, 8), None, "enough for the timbre, too little for the prosody"),
    Amount(600.0, Span(8, 15, 100), Span(5, 10, 50), "enough for the timbre; the prosody is optional"),
    Amount(math.inf, Span(8, 20, 500), Span(15, 15, 0), "enough for timbre and prosody"),
)
SCRATCH_STEPS = {"sovits": 20_000, "t2s": 10_000}
"""Without published weights there is no table: a length to begin with, to be judged by the curves."""

NETWORKS = {"sovits": "SoVITS (timbre)", "t2s": "T2S (prosody)"}


@dataclass(frozen=True)
class NetworkPlan:
    """What happens to one network; both limits are None where it is kept as it is."""

    train: bool
    max_epochs: int | None = None
    max_steps: int | None = None


@dataclass(frozen=True)
class Network:
    """What the planner is told of one network.

    Attributes:
        pretrained: Whether it starts from published weights.
        choice: The user's word: auto, train or keep.
        max_epochs, max_steps: Limits set by the user, which overrule the plan's.
        steps_per_epoch: Optimiser steps of a pass through the training clips; below 1 where a step
            accumulates more batches than an epoch has.
    """

    pretrained: bool
    choice: Choice
    max_epochs: int | None
    max_steps: int | None
    steps_per_epoch: float


@dataclass(frozen=True)
class Plan:
    """The decisions, and why, in lines for people."""

    networks: Mapping[str, NetworkPlan]
    explanation: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The decisions alone."""
        return {name: asdict(network) for name, network in self.networks.items()}


def plan_training(speech_s: float, n_clips: int, networks: Mapping[str, Network]) -> Plan:
    """Decide for each of `sovits` and `t2s`.

    Args:
        speech_s: Usable speech, seconds.
        n_clips: Clips it comes in.
        networks: The two networks by name.

    Raises:
        UserError: a network is to be kept that has no published weights.
    """
    amount = next(row for row in AMOUNTS if speech_s < row.below_s)
    spans = {"sovits": amount.sovits, "t2s": amount.t2s}
    decided = {name: _decide(name, network, spans[name]) for name, network in networks.items()}
    from_weights = any(network.pretrained for network in networks.values())
    lines = [f"{_duration(speech_s)} of usable speech in {n_clips} clips"]
    lines[0] += f": {amount.reason}" if from_weights else ", trained from scratch"
    for name, network in networks.items():
        lines.append(_explained(name, network, decided[name], spans[name]))
    lines.append(
        "overrule it with --set train.plan.sovits=train|keep, train.plan.t2s=train|keep, "
        "train.sovits.max_epochs=N, train.t2s.max_epochs=N (or max_steps)"
    )
    return Plan(decided, tuple(lines))


def _decide(name: str, network: Network, span: Span | None) -> NetworkPlan:
    if network.choice == "keep" and not network.pretrained:
        raise UserError(
            f"train.plan.{name} = keep: there are no published weights to keep; "
            f"set train.{name}.pretrained, or train.plan.{name}=auto"
        )
    given = network.max_epochs is not None or network.max_steps is not None
    wanted = network.choice == "train" or not network.pretrained or span is not None or given
    if network.choice == "keep" or not wanted:
        return NetworkPlan(train=False)
    if given:
        return NetworkPlan(True, network.max_epochs, network.max_steps)
    if not network.pretrained:
        return NetworkPlan(True, max_steps=SCRATCH_STEPS[name])
    # Asked to train on less than the table wants: as gently as the table's least.
    chosen = span or next(row for row in (getattr(amount, name) for amount in AMOUNTS) if row)
    return NetworkPlan(True, max_epochs=chosen.epochs(network.steps_per_epoch))


def _explained(name: str, network: Network, plan: NetworkPlan, span: Span | None) -> str:
    told = NETWORKS[name]
    if not plan.train:
        why = "as you asked" if network.choice == "keep" else "it would forget more than it learns"
        return f"{told}: kept as published, {why}"
    limits = []
    if plan.max_epochs is not None:
        steps = max(1, int(plan.max_epochs * network.steps_per_epoch))
        limits.append(f"{plan.max_epochs} epochs ({steps} steps)")
    if plan.max_steps is not None:
        limits.append(f"{plan.max_steps} steps")
    given = network.max_epochs is not None or network.max_steps is not None
    why = "from published weights" if network.pretrained else "from scratch"
    if given:
        why += ", as long as you set"
    elif not network.pretrained:
        why += "; the validation curve tells when it is enough"
    elif span is None:
        why += ", as you asked, though there is little speech for it"
    return f"{told}: {' or '.join(limits)}, {why}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
