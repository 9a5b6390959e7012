"""Noise levels and the sampler of the style diffusion.

Sources: Karras et al. 2022 (arXiv:2206.00364), equation 5, for the levels; DPM-Solver-2 made ancestral, as
k-diffusion and StyleTTS 2's `Modules/diffusion/sampler.py` ("ADPM2") define it, for the steps.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor

from configs.errors import UserError

SIGMA_MAX, SIGMA_MIN, RHO = 3.0, 1e-4, 9.0
"""Those that StyleTTS 2 trains and speaks with."""


class _Step(NamedTuple):
    """Noise levels of one step from `sigma`."""

    sigma: float
    middle: float
    """Where the slope is taken a second time."""
    down: float
    """Where the deterministic part ends, below the next level."""
    up: float
    """Deviation of the fresh noise that brings it up to the next level."""


def karras_sigmas(
    steps: int, sigma_max: float = SIGMA_MAX, sigma_min: float = SIGMA_MIN, rho: float = RHO
) -> list[float]:
    """`steps` falling noise levels from `sigma_max` to `sigma_min`, then 0.

    Raises:
        UserError: fewer than two steps.
    """
    if steps < 2:
        raise UserError(f"diffusion steps = {steps}: use at least 2 (3 to 10 are usual)")
    first, last = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return [(first + i / (steps - 1) * (last - first)) ** rho for i in range(steps)] + [0.0]


def adpm2(
    denoise: Callable[[Tensor, float], Tensor],
    noise: Tensor,
    sigmas: list[float],
    fresh_noise: Callable[[int], Tensor],
) -> Tensor:
    """A sample shaped like `noise`, which is standard normal.

    The last level, which is 0, is not stepped to: the published sampler ends at the one before it.

    Args:
        denoise: the data expected behind a noisy sample at a noise level.
        fresh_noise: standard normal noise for a step, shaped like `noise`.
    """
    x = sigmas[0] * noise
    for i, (sigma, following) in enumerate(pairwise(sigmas[:-1])):
        step = _step(sigma, following)
        slope = (x - denoise(x, step.sigma)) / step.sigma
        midway = x + slope * (step.middle - step.sigma)
        slope = (midway - denoise(midway, step.middle)) / step.middle
        x = x + slope * (step.down - step.sigma) + step.up * fresh_noise(i)
    return x


def _step(sigma: float, following: float) -> _Step:
    up = (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5
    down = (following**2 - up**2) ** 0.5
    return _Step(sigma, (sigma + down) / 2, down, up)
