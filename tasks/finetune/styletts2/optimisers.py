"""Optimisers of StyleTTS 2's networks: one AdamW group per network, and the SLM adversary's share of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from configs.train_styletts2 import StyleTTS2OptimiserSettings

CONTINUED = ("decoder", "style_encoder")
"""Networks that stage 1 has trained and that later stages train on, more gently."""


PRETRAINED_BERT_LR = 1e-5
"""The published rate of PL-BERT, which has read a language's texts before it reads a voice's."""


def group_settings(
    name: str, settings: StyleTTS2OptimiserSettings, first_stage: bool, fresh_bert: bool = False
) -> dict[str, Any]:
    """Rate, betas and weight decay of a network, as published unless the settings say otherwise.

    Args:
        fresh_bert: Whether PL-BERT starts afresh, and so has as much to learn as the others.
    """
    chosen: dict[str, Any] = {
        "lr": settings.lr,
        "betas": settings.betas,
        "weight_decay": settings.weight_decay,
    }
    if name == "bert" and not first_stage:
        chosen = {
            "lr": settings.bert_lr or (settings.lr if fresh_bert else PRETRAINED_BERT_LR),
            "betas": settings.bert_betas,
            "weight_decay": settings.bert_weight_decay,
        }
    if name in CONTINUED and not first_stage:
        chosen |= {"lr": settings.ft_lr, "betas": settings.ft_betas}
    own = settings.modules.get(name)  # type: ignore[call-overload]
    if own is not None:
        chosen |= {key: value for key, value in own.model_dump().items() if value is not None}
    return chosen


def adamw(
    networks: Mapping[str, nn.Module],
    settings: StyleTTS2OptimiserSettings,
    first_stage: bool,
    fresh_bert: bool = False,
) -> torch.optim.AdamW:
    """One AdamW with a group per network, which carries its `name` and its full rate as `full_lr`.

    Args and rates as `group_settings`.

    Parameters without a gradient are not stepped, so a network that a phase does not train stays as it is.
    """
    groups = []
    for name, network in networks.items():
        chosen = group_settings(name, settings, first_stage, fresh_bert)
        parameters = [p for key, p in network.named_parameters() if not key.startswith("pooler.")]
        groups.append({"params": parameters, "name": name, "full_lr": chosen["lr"], **chosen})
    return torch.optim.AdamW(groups, eps=settings.epsilon, fused=True)


class SharedStep(torch.optim.Optimizer):
    """Steps some groups of another optimiser by another loss: the moments are the other's, and shared.

    Args:
        owner: Whose parameters and moments they are.
        names: Its groups that this loss trains.
        before: Called between gradients and step.
    """

    def __init__(
        self, owner: torch.optim.Optimizer, names: Iterable[str], before: Callable[[], None]
    ) -> None:
        wanted = set(names)
        groups = [{"params": g["params"]} for g in owner.param_groups if g["name"] in wanted]
        super().__init__(groups, {})
        self.owner = owner
        self.before = before

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Only these groups have gradients now, so only they are stepped."""
        del closure
        self.before()
        self.owner.step()
