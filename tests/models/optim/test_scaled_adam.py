"""ScaledAdam against the reference's trajectories, and its state through a checkpoint."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from models.optim.scaled_adam import ScaledAdam
from tests.models.golden_fill import normal, relative_error
from tests.models.sovits.golden_case import arrays, case

SHAPES = {"a": (4, 3), "b": (4, 3), "c": (6,), "d": (1,), "e": (2, 3, 5)}


@pytest.mark.golden
def test_trajectories_reproduce_the_reference(goldens: Path) -> None:
    golden, tag = arrays(goldens, "scaled_adam"), case(goldens)["tag"]
    periods = sorted({int(key.split(".")[0].removeprefix("period")) for key in golden})
    for period in periods:
        parameters = {
            k: nn.Parameter(0.5 * normal(f"{tag}/scaledadam/{k}", *shape)) for k, shape in SHAPES.items()
        }
        optimiser = ScaledAdam(parameters.values(), clipping_period=period)
        for step, rate in enumerate(golden[f"period{period}.lr_used"]):
            optimiser.param_groups[0]["lr"] = float(rate)
            for k, parameter in parameters.items():
                gradient = normal(f"{tag}/scaledadam/grad{step}/{k}", *SHAPES[k])
                parameter.grad = gradient * (50 if step == 9 else 1)
            optimiser.step()
            for k, parameter in parameters.items():
                assert relative_error(parameter, golden[f"period{period}.step{step}.{k}"]) < 1e-5, (step, k)


def _train(optimiser: ScaledAdam, model: nn.Module, steps: range) -> None:
    for step in steps:
        optimiser.zero_grad()
        (model(normal(f"x{step}", 16, 4)) - 1).square().mean().backward()
        optimiser.step()


@pytest.mark.slow
def test_it_learns_and_resumes_exactly() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimiser = ScaledAdam(model.parameters(), lr=0.02, clipping_period=5)
    x = normal("x", 64, 4)
    before = (model(x) - 1).square().mean()
    _train(optimiser, model, range(20))
    resumed = copy.deepcopy(model)
    optimiser_2 = ScaledAdam(resumed.parameters(), lr=0.02, clipping_period=5)
    optimiser_2.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    _train(optimiser, model, range(20, 200))
    _train(optimiser_2, resumed, range(20, 200))
    assert (model(x) - 1).square().mean() < 0.3 * before
    for one, other in zip(model.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
