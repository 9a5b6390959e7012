"""The discriminators and their losses reproduce the reference's numbers and gradient."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.discriminators.multi_period import Judgement, MultiPeriodDiscriminator
from models.layers.freezing import frozen
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.sovits.config import sovits_config
from tests.models.golden_fill import error_against, normal, relative_error, test_wave
from tests.models.sovits.golden_case import arrays, case, filled_discriminator, manifest

pytestmark = pytest.mark.golden


def _waves(goldens: Path) -> tuple[Tensor, Tensor]:
    sizes = case(goldens)
    tag, n = sizes["tag"], sizes["mpd"]["n"]
    real = [(1 - 0.3 * b) * test_wave(f"{tag}/mpd/real{b}", n) for b in range(2)]
    fake = [0.8 * test_wave(f"{tag}/mpd/fake{b}", n).flip(0) for b in range(2)]
    noise = 0.05 * normal(f"{tag}/mpd/noise", 2, 1, n)
    return torch.stack(real)[:, None], torch.stack(fake)[:, None] + noise


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v2", "v2Pro"])
def test_discriminator_reproduces_the_reference(goldens: Path, version: str) -> None:
    golden = arrays(goldens, f"mpd_{version}")
    discriminator = filled_discriminator(sovits_config(version))
    assert {name: list(t.shape) for name, t in discriminator.state_dict().items()} == {
        entry["name"]: entry["shape"] for entry in manifest(goldens, f"mpd_{version}")
    }
    real_wave, fake_wave = _waves(goldens)
    with torch.no_grad():
        in_training = _values(*discriminator(real_wave, fake_wave))
    fake_wave.requires_grad_(True)
    values, gradient = _learnt(discriminator, real_wave, fake_wave)
    for found in (in_training, values):
        errors = {name: error_against(golden, name, value) for name, value in found.items()}
        assert {name: error for name, error in errors.items() if not error <= 1e-4} == {}

    # The gradient of feature matching is a sign, and where maps nearly meet it is rounding that decides:
    # processors, the golden's too, are up to 1e-3 apart there. So single and double precision may differ by
    # that much, and the golden meets the nearer.
    _, exact = _learnt(discriminator.double(), real_wave.double(), fake_wave.double())
    assert relative_error(gradient, exact.float().numpy()) < 2e-3
    assert min(error_against(golden, "grad_fake", found.float()) for found in (gradient, exact)) < 1e-3
    np.testing.assert_allclose(float(gradient.norm()), golden["grad_fake_l2"], rtol=1e-3)


def _learnt(
    discriminator: MultiPeriodDiscriminator, real_wave: Tensor, fake_wave: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Losses, scores and maps as the generator's step has them, and what they say to the synthesis."""
    with frozen(discriminator):
        values = _values(discriminator.judge(real_wave), discriminator.judge(fake_wave))
    (gradient,) = torch.autograd.grad(values["loss_fm"] + values["loss_gen"], fake_wave)
    return values, gradient


def _values(real: Judgement, fake: Judgement) -> dict[str, Tensor]:
    """Losses, scores and maps by the names of the goldens."""
    values = {
        "loss_disc": discriminator_loss(real.scores, fake.scores),
        "loss_gen": generator_loss(fake.scores),
        "loss_fm": feature_matching_loss(real.features, fake.features),
        "loss_gen_each": torch.stack([generator_loss([score]) for score in fake.scores]),
    }
    for kind, judged in (("real", real), ("fake", fake)):
        for i, (score, maps) in enumerate(zip(judged.scores, judged.features, strict=True)):
            values[f"{kind}.{i}"] = score
            values.update({f"fmap_{kind}.{i}.{j}": m for j, m in enumerate(maps)})
    return values
