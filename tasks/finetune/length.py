"""How long a network trains."""

from __future__ import annotations

from dataclasses import dataclass

from configs.errors import UserError


@dataclass(frozen=True)
class TrainingLength:
    """Whether a network trains, and its limits; both are None where it is kept as it is."""

    train: bool
    max_epochs: int | None = None
    max_steps: int | None = None

    def steps(self, accumulate: int, batches_per_epoch: int) -> int:
        """Optimiser steps in all; 0 where the network is kept. Raises as `total_steps`."""
        if not self.train:
            return 0
        return total_steps(self.max_steps, self.max_epochs, accumulate, batches_per_epoch)


def total_steps(
    max_steps: int | None, max_epochs: int | None, accumulate: int, batches_per_epoch: int
) -> int:
    """Optimiser steps of a run: the smaller of what steps and epochs allow, at least one.

    Raises:
        UserError: neither is limited.
    """
    limits = [] if max_steps is None else [max_steps]
    if max_epochs is not None:
        limits.append(max(1, max_epochs * batches_per_epoch // accumulate))
    if not limits:
        raise UserError("train: max_steps and max_epochs are both null; set one of them")
    return min(limits)
