"""What a model family brings to the training loop, and how a loss becomes an optimiser step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from models.losses.weighting import weighted_total

BatchT = TypeVar("BatchT", contravariant=True)


class Recipe(Protocol[BatchT]):
    """A family's side of training.

    `modules` and `optimisers` are what a checkpoint holds; `averaged` names the modules whose
    weights may be averaged over time. Learning rates are a function of the position, so a resumed
    run cannot step a schedule twice.
    """

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]: ...

    @property
    def averaged(self) -> Sequence[str]: ...

    def set_learning_rates(self, step: int, epoch: int) -> None:
        """Write the learning rates of this position into the optimisers."""

    def train_step(self, batch: BatchT, update: Updater, rng: torch.Generator) -> None:
        """Hand each optimiser's losses to `update.apply`; a GAN updates D first, then G.

        `rng` is seeded for this step; so is torch's global generator, which dropout draws from.
        """

    def validate(self, batch: BatchT) -> dict[str, Tensor]:
        """Named losses of one batch, changing nothing; runs in evaluation mode, without graph."""

    def utterances(self, batch: BatchT) -> Sequence[str]:
        """Utterance ids of a batch, for messages."""


class NonFinite(NamedTuple):
    """An update that was refused.

    Attributes:
        optimiser: Whose update it was.
        values: The losses and the gradient norm as they came out.
    """

    optimiser: str
    values: Mapping[str, float]


class NonFiniteUpdateError(ArithmeticError):
    """A loss or a gradient is not a number; nothing was stepped with it."""

    def __init__(self, refused: NonFinite) -> None:
        super().__init__(f"{refused.optimiser}: {dict(refused.values)}")
        self.refused = refused


class Updater:
    """Accumulates, clips, checks, then steps.

    `micro_batch` says which of the accumulated batches of a step is on. The one transfer from the
    device per update brings the losses and the gradient norm together, and the finiteness check
    reads them before the optimiser moves.

    Args:
        recipe: Owner of the optimisers.
        accumulate: Batches per optimiser step.
        max_norms: Gradient norm that each optimiser is clipped to; absent or infinite: no clipping.
    """

    def __init__(self, recipe: Recipe[Any], accumulate: int, max_norms: Mapping[str, float]) -> None:
        self.optimisers = recipe.optimisers
        self.accumulate = accumulate
        self.max_norms = max_norms
        self.micro_batch = 0
        self.losses: dict[str, float] = {}
        self._sums: dict[str, Tensor] = {}

    def start_step(self) -> None:
        """Forget the previous step's gradients and losses."""
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        self.micro_batch = 0
        self.losses = {}
        self._sums = {}

    def apply(self, name: str, losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> None:
        """Back-propagate the weighted sum; on the last accumulated batch step optimiser `name`.

        Args:
            name: Which optimiser.
            losses: Scalars by name.
            weights: A factor for exactly each of the losses.

        Raises:
            NonFiniteUpdateError: a loss or the gradient norm is infinite or not a number.
            UserError: a loss without weight or a weight without loss.
        """
        total = weighted_total(losses, weights).float()
        (total / self.accumulate).backward()
        values = torch.stack([total.detach(), *(losses[key].detach().float() for key in losses)])
        self._sums[name] = self._sums[name] + values if name in self._sums else values
        if self.micro_batch + 1 < self.accumulate:
            return
        optimiser = self.optimisers[name]
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        limit = self.max_norms.get(name, math.inf)
        norm = nn.utils.clip_grad_norm_(parameters, limit)
        # The one place of an update where the host waits for the device.
        read = torch.cat([self._sums[name] / self.accumulate, norm.float().reshape(1)]).tolist()
        named = dict(zip((f"{name}/total", *losses, f"{name}/grad_norm"), read, strict=True))
        if not all(math.isfinite(value) for value in read):
            raise NonFiniteUpdateError(NonFinite(name, named))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        self.losses |= named


class MovingAverage:
    """Exponential moving averages of the floating-point tensors of some modules.

    Args:
        modules: Which modules, by name.
        decay: Share of the old average that stays at each step; 0 keeps no average at all.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self._live: dict[str, Tensor] = {}
        if decay > 0:
            for name, module in modules.items():
                for key, tensor in module.state_dict().items():
                    if tensor.is_floating_point():
                        self._live[f"{name}/{key}"] = tensor
        self.averages = {key: tensor.detach().clone() for key, tensor in self._live.items()}

    def update(self) -> None:
        """Move every average towards the live value."""
        if self.averages:
            torch._foreach_lerp_(list(self.averages.values()), list(self._live.values()), 1.0 - self.decay)

    def weights_of(self, name: str, module: nn.Module) -> dict[str, Tensor]:
        """The averaged state of a module, or its own where there is no average."""
        return {
            key: self.averages.get(f"{name}/{key}", tensor) for key, tensor in module.state_dict().items()
        }
