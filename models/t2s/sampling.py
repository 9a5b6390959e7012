"""From logits to the next semantic code, in GPT-SoVITS's order: penalty, top-p, temperature, top-k."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from configs.errors import UserError

MIN_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class Sampling:
    """How a code is drawn.

    Raises:
        UserError: a value outside its range.
    """

    top_k: int = 15
    """Only the k best codes may be drawn; 1 is greedy."""
    top_p: float = 1.0
    """Only the best codes of this much probability together, without the one that crosses it."""
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    """Makes codes that occurred before (the prompt's too) less likely; 1 is off."""

    def __post_init__(self) -> None:
        limits = {
            "top_k": (self.top_k >= 1, "1 or more"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1"),
            "temperature": (self.temperature > 0, "above 0"),
            "repetition_penalty": (self.repetition_penalty > 0, "above 0"),
        }
        for name, (fits, remedy) in limits.items():
            if not fits:
                raise UserError(f"sampling: {name} = {getattr(self, name)!r} must be {remedy}")


def penalized(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """[B, V] with every code of `previous` [B, N] made less likely, once however often it occurred."""
    if penalty == 1.0 or previous.shape[1] == 0:
        return logits
    scores = logits.gather(1, previous)
    scores = torch.where(scores < 0, scores * penalty, scores / penalty)
    return logits.scatter(1, previous, scores)


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """Penalised logits [B, V] -> [B, V] that sum to 1 over the codes that may be drawn."""
    if sampling.top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True)
        beyond = ordered.softmax(-1).cumsum(-1) > sampling.top_p
        beyond[:, 0] = False
        logits = logits.masked_fill(beyond.scatter(1, order, beyond), -torch.inf)
    logits = logits / max(sampling.temperature, MIN_TEMPERATURE)
    worst = logits.topk(min(sampling.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
    return logits.masked_fill(logits < worst, -torch.inf).softmax(-1)


def draw(weights: Tensor, rng: torch.Generator | Sequence[torch.Generator]) -> Tensor:
    """Draw one index per row of [B, V] by the exponential race, which needs no device synchronisation.

    With one generator per row, a row's draws do not depend on the rows beside it.
    """
    if isinstance(rng, torch.Generator):
        race = torch.empty(weights.shape, device=rng.device).exponential_(generator=rng)
    else:
        n_codes = weights.shape[1:]
        race = torch.stack(
            [torch.empty(n_codes, device=own.device).exponential_(generator=own) for own in rng]
        )
    return (weights / race.to(weights)).argmax(-1)


def next_codes(
    logits: Tensor, sampling: Sampling, rng: torch.Generator | Sequence[torch.Generator]
) -> Tensor:
    """[B] drawn from penalised logits [B, V]; greedy choice takes nothing from `rng`."""
    if sampling.top_k == 1:
        return logits.argmax(-1)
    return draw(probabilities(logits, sampling), rng)
