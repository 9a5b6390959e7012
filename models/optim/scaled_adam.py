"""ScaledAdam (Yao et al. 2023, Zipformer): Adam whose steps are in proportion to each parameter's size.

Source: icefall's `optim.py`, with which GPT-SoVITS trains its text-to-semantic decoder
(`AR/modules/optim.py`). A tensor's root mean square takes part as a parameter of its own, learned every few
steps from the gradients along the tensor itself. As in the source, gradient clipping reaches only that
learned size: Adam's steps hardly depend on the gradient's length anyhow.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class ScaledAdam(torch.optim.Optimizer):
    """No value leaves the device during a step.

    Args:
        lr: learning rate; 0.002 to 0.05, far above Adam's.
        clipping_scale: gradients longer than this many medians of recent lengths count as that long.
        clipping_period: steps over which the median is taken; nothing is clipped before.
        size_rate_factor: learning rate of sizes, and of parameters with one element, as a factor of `lr`.
        min_rms, max_rms: sizes at which learning stops shrinking, and starts to shrink, a tensor.
        scalar_limit: largest magnitude of a parameter with one element.
        size_period: steps between updates of the sizes.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        *,
        clipping_scale: float = 2.0,
        clipping_period: int = 1000,
        size_rate_factor: float = 0.1,
        min_rms: float = 1e-5,
        max_rms: float = 3.0,
        scalar_limit: float = 10.0,
        size_period: int = 4,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "clipping_scale": clipping_scale,
                "clipping_period": clipping_period,
                "size_rate_factor": size_rate_factor,
                "min_rms": min_rms,
                "max_rms": max_rms,
                "scalar_limit": scalar_limit,
                "size_period": size_period,
            },
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter; one without a gradient counts as having a gradient of 0."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            clip = self._clip_factor(group)
            for parameter in group["params"]:
                gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                state = self.state[parameter]
                if not state:
                    _start(state, parameter, group["size_period"])
                state["delta"].mul_(group["betas"][0])
                if parameter.numel() == 1:
                    _move_scalar(parameter, gradient, state, group)
                else:
                    _learn_size(parameter, gradient * clip, state, group)
                    _move_tensor(parameter, gradient, state, group)
                state["step"] += 1
        return loss

    def _clip_factor(self, group: dict[str, Any]) -> Tensor | float:
        """At most 1: what gradients are multiplied by. Lengths are relative to the tensors' sizes."""
        first = self.state[group["params"][0]]
        if not first:
            return 1.0
        step, period = first["step"], group["clipping_period"]
        norm = (
            torch.stack(
                [
                    (p.grad * self.state[p].get("rms", 1.0)).square().sum()
                    for p in group["params"]
                    if p.grad is not None
                ]
            )
            .sum()
            .sqrt()
        )
        if "norms" not in first:
            first["norms"] = norm.new_zeros(period)
            first["longest"] = norm.new_full((), torch.inf)
        first["norms"][step % period] = norm
        if step % period == 0:
            median = first["norms"].sort().values[min(period - 1, period // 4 * 2)]
            first["longest"] = group["clipping_scale"] * median
        return (first["longest"] / (norm + 1e-20)).clamp(max=1.0)


def _start(state: dict[str, Any], parameter: Tensor, size_period: int) -> None:
    state["step"] = 0
    state["delta"] = torch.zeros_like(parameter)
    state["exp_avg_sq"] = torch.zeros_like(parameter)
    if parameter.numel() > 1:
        state["rms"] = _rms(parameter)
        state["size_exp_avg_sq"] = torch.zeros_like(state["rms"])
        state["size_gradients"] = parameter.new_zeros(size_period)


def _learn_size(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Note the gradient along the tensor; every `size_period` steps scale the tensor by what was noted."""
    step, period, gradients = state["step"], group["size_period"], state["size_gradients"]
    gradients[step % period] = (parameter * gradient).sum()
    if step % period != period - 1:
        return
    state["rms"] = rms = _rms(parameter)
    if step == 0:
        return
    beta1, beta2 = group["betas"]
    decay = beta2**period
    average = state["size_exp_avg_sq"]
    average.mul_(decay).add_(gradients.square().mean(), alpha=1 - decay)
    correction = 1 - decay ** ((step + 1) // period)
    rate = group["lr"] * group["size_rate_factor"]
    change = -rate * correction**0.5 * gradients.sum() / (average.sqrt() + group["eps"])
    change = torch.where(rms < group["min_rms"], 0.0, change)
    change = torch.where(rms > group["max_rms"], -rate * period, change)
    state["delta"].add_(parameter * change, alpha=1 - beta1)


def _move_tensor(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    beta1, beta2 = group["betas"]
    average = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    correction = 1 - beta2 ** (state["step"] + 1)
    if correction < 0.99:
        average = average * (1.0 / correction)
    size = -group["lr"] * (1 - beta1) * state["rms"].clamp(min=group["min_rms"])
    parameter.add_(state["delta"].add_(gradient / (average.sqrt() + group["eps"]) * size))


def _move_scalar(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    beta1, beta2 = group["betas"]
    average = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    deviation = (average / (1 - beta2 ** (state["step"] + 1))).sqrt() + group["eps"]
    rate = group["lr"] * group["size_rate_factor"]
    state["delta"].add_(gradient / deviation, alpha=-rate * (1 - beta1))
    parameter.clamp_(-group["scalar_limit"], group["scalar_limit"]).add_(state["delta"])


def _rms(x: Tensor) -> Tensor:
    return x.square().mean().sqrt()
