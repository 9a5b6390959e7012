"""The judges in small: one pass or two, alone or in a batch, frozen or not, give the same."""

import pytest
import torch

from models.discriminators.multi_period import JudgesInOnePass, MultiPeriodDiscriminator, ScaleDiscriminator
from models.discriminators.resolution import MultiResolutionDiscriminator
from models.layers.conv import held_weights
from models.losses.adversarial import discriminator_loss, generator_loss
from tests.models.golden_fill import normal
from tests.models.styletts2_golden import fill_with_salt

JUDGES = ["mpd", "msd"]


def _judge(name: str) -> JudgesInOnePass:
    judge: JudgesInOnePass = (
        MultiPeriodDiscriminator((2, 3, 5), channels=(4, 6, 8, 8, 8), has_scale=False)
        if name == "mpd"
        else MultiResolutionDiscriminator(((256, 40, 160), (128, 20, 64)), channels=6)
    )
    fill_with_salt("small", name, judge)
    return judge


@pytest.mark.parametrize("name", JUDGES)
@pytest.mark.parametrize("n_samples", [800, 1_201, 2_000])
@torch.no_grad()
def test_one_pass_is_two_and_rows_are_apart(name: str, n_samples: int) -> None:
    judge = _judge(name)
    real, fake = normal("real", 2, 1, n_samples), normal("fake", 2, 1, n_samples)
    both = judge(real, fake)
    for found, wave in zip(both, (real, fake), strict=True):
        apart = judge.judge(wave)
        alone = judge.judge(wave[1:])
        for i, score in enumerate(apart.scores):
            torch.testing.assert_close(found.scores[i], score, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(score[1:], alone.scores[i], rtol=1e-4, atol=1e-6)
        for maps, expected in zip(found.features, apart.features, strict=True):
            for feature, other in zip(maps, expected, strict=True):
                torch.testing.assert_close(feature, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", JUDGES)
def test_frozen_weights_leave_the_waveforms_gradient_as_it_is(name: str) -> None:
    judge = _judge(name)
    wave = normal("wave", 2, 1, 1_000).requires_grad_()
    (expected,) = torch.autograd.grad(generator_loss(judge.judge(wave).scores), wave)
    judge.requires_grad_(False)
    with held_weights(judge):
        (found,) = torch.autograd.grad(generator_loss(judge.judge(wave).scores), wave)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", JUDGES)
def test_every_weight_learns_and_silence_harms_none(name: str) -> None:
    judge = _judge(name)
    real, fake = judge(normal("real", 1, 1, 1_000), torch.zeros(1, 1, 1_000))
    discriminator_loss(real.scores, fake.scores).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in judge.parameters())


def test_silence_takes_a_finite_gradient_through_the_magnitudes() -> None:
    wave = torch.zeros(1, 1, 1_000, requires_grad=True)
    generator_loss(_judge("msd").judge(wave).scores).backward()
    assert wave.grad is not None and wave.grad.isfinite().all()


def test_the_scale_discriminator_is_there_unless_told_otherwise() -> None:
    assert isinstance(MultiPeriodDiscriminator((2,), 8).discriminators[0], ScaleDiscriminator)
    assert len(MultiPeriodDiscriminator((2,), 8, has_scale=False).discriminators) == 1
