"""What a model family brings to the training loop, and how a loss becomes an optimiser step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from models.losses.weighting import weighted_total
from tasks.finetune.distributed import ALONE, Ranks

BatchT = TypeVar("BatchT", contravariant=True)


class Recipe(Protocol[BatchT]):
    """A family's side of training.

    `modules` and `optimisers` are what a checkpoint holds, the optimisers in the order in which a step
    updates them; `averaged` names the modules whose
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
        """Hand the losses of each optimiser that `update.wants` to `update.apply`; a GAN updates D first.

        A process with one batch per step is asked for all optimisers at once. With several, it is asked for
        one optimiser at a time over all of them, so that every generator loss is judged by the updated
        discriminator whatever the batches are split into.

        `rng` is seeded for this step and batch; so is torch's global generator, which dropout draws from.
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
    """Accumulates, sums over processes, clips, checks, then steps.

    The one transfer from the device per update brings the losses and the gradient norm together, and the
    finiteness check reads them before the optimiser moves. Both are sums over all processes by then, so that
    all of them refuse an update or none does.

    Args:
        recipe: Owner of the optimisers.
        accumulate: Batches per optimiser step, over all processes.
        max_norms: Gradient norm that each optimiser is clipped to; absent or infinite: no clipping.
        ranks: This process among those that train together.
    """

    def __init__(
        self,
        recipe: Recipe[Any],
        accumulate: int,
        max_norms: Mapping[str, float],
        ranks: Ranks = ALONE,
    ) -> None:
        self.optimisers = recipe.optimisers
        self.accumulate = accumulate
        self.max_norms = max_norms
        self.ranks = ranks
        self.numbers = tuple(number for number in range(accumulate) if ranks.takes(number))
        self.losses: dict[str, float] = {}
        self._wanted = tuple(self.optimisers)
        self._sums: dict[str, Tensor] = {}
        self._applied: dict[str, int] = {}

    def start_step(self) -> None:
        """Forget the previous step's gradients and losses."""
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        self.losses = {}
        self._sums = {}
        self._applied = {}

    def passes(self) -> Iterator[None]:
        """How often the step's batches must be gone through; each pass wants some of the optimisers."""
        names = tuple(self.optimisers)
        for wanted in [names] if len(self.numbers) == 1 else [(name,) for name in names]:
            self._wanted = wanted
            yield
        self._wanted = names

    def wants(self, name: str) -> bool:
        """Whether this pass takes the losses of an optimiser."""
        return name in self._wanted

    def apply(self, name: str, losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> None:
        """Back-propagate the weighted sum; on the process's last batch of the step, step optimiser `name`.

        Args:
            name: Which optimiser.
            losses: Scalars by name.
            weights: A factor for exactly each of the losses.

        Raises:
            NonFiniteUpdateError: a loss or the gradient norm is infinite or not a number.
            UserError: a loss without weight or a weight without loss.
        """
        self._add(name, losses, weights)
        if self._applied[name] == len(self.numbers):
            self._step(name, tuple(weights))

    def apply_if_any(
        self, name: str, losses: Mapping[str, Tensor] | None, weights: Mapping[str, float]
    ) -> None:
        """As `apply`, for losses that a batch may not have (None, which counts as 0).

        Every batch must be told of. No step is made when no batch of any process has them, and none of a
        parameter that none of them reaches: processes agree on whose gradients there are.
        """
        if losses is not None:
            self._add(name, losses, weights)
        else:
            self._applied[name] = self._applied.get(name, 0) + 1
        if self._applied[name] < len(self.numbers):
            return
        parameters = self._parameters(name)
        own = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        reached = self.ranks.sum(own).tolist()
        if not any(reached):
            return
        for parameter, somewhere in zip(parameters, reached, strict=True):
            if somewhere and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._sums.setdefault(name, torch.zeros(1 + len(weights), device=own.device))
        self._step(name, tuple(weights))

    def _add(self, name: str, losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> None:
        total = weighted_total(losses, weights).float()
        (total / self.accumulate).backward()
        values = torch.stack([total.detach(), *(losses[key].detach().float() for key in weights)])
        self._sums[name] = self._sums[name] + values if name in self._sums else values
        self._applied[name] = self._applied.get(name, 0) + 1

    def _parameters(self, name: str) -> list[Tensor]:
        return [p for group in self.optimisers[name].param_groups for p in group["params"]]

    def _step(self, name: str, losses: Sequence[str]) -> None:
        optimiser, parameters = self.optimisers[name], self._parameters(name)
        self.ranks.sum_gradients(parameters)
        norm = _clip(parameters, self.max_norms.get(name, math.inf))
        means = self.ranks.sum(self._sums[name] / self.accumulate)
        # The one place of an update where the host waits for the device.
        read = torch.cat([means, norm.float().reshape(1)]).tolist()
        named = dict(zip((f"{name}/total", *losses, f"{name}/grad_norm"), read, strict=True))
        if not all(math.isfinite(value) for value in read):
            raise NonFiniteUpdateError(NonFinite(name, named))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        self.losses |= named


def _clip(parameters: Sequence[Tensor], limit: float) -> Tensor:
    """Scale the gradients down to norm `limit`; the norm they had."""
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if limit < math.inf:
        nn.utils.clip_grads_with_norm_(parameters, limit, norm)
    return norm


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

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """The modules hold the averages inside the block, and their own values again after it."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for key, average in self.averages.items():
            live = self._live[key].clone()
            self._live[key].copy_(average)
            average.copy_(live)

    def weights_of(self, name: str, module: nn.Module) -> dict[str, Tensor]:
        """The averaged state of a module, or its own where there is no average."""
        return {
            key: self.averages.get(f"{name}/{key}", tensor) for key, tensor in module.state_dict().items()
        }
