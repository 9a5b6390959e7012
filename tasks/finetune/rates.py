"""Learning rates as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import torch


class RateSettings(Protocol):
    """How the rates of an optimiser's groups change; see configs.train_styletts2."""

    @property
    def lr(self) -> float: ...

    @property
    def warmup_steps(self) -> int: ...

    @property
    def schedule(self) -> str: ...

    @property
    def final_lr(self) -> float: ...


def warmup_constant(step: int, warmup: int) -> float:
    """Share of the full rate at a step (0-based): a linear rise, then 1."""
    return min(1.0, (step + 1) / warmup) if warmup else 1.0


def warmup_cosine(step: int, steps: int, warmup: int, peak: float, final: float) -> float:
    """Learning rate of a step (0-based) of `steps`: a linear rise to `peak`, then a cosine to `final`."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return final + (peak - final) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def set_rates(
    optimisers: Iterable[torch.optim.Optimizer],
    settings: RateSettings,
    step: int,
    steps: int,
) -> None:
    """Write the rates of an optimiser step, of `steps` in all, into groups that carry `full_lr`."""
    if settings.schedule == "constant":
        factor = warmup_constant(step, settings.warmup_steps)
    else:
        factor = warmup_cosine(step, steps, settings.warmup_steps, 1.0, settings.final_lr / settings.lr)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["full_lr"] * factor
