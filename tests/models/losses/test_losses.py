"""Losses against their definitions."""

import pytest
import torch

from configs.errors import UserError
from models.losses.adversarial import discriminator_loss, feature_matching_loss, generator_loss
from models.losses.divergence import gaussian_kl
from models.losses.weighting import weighted_total
from tests.models.golden_fill import normal


def test_least_squares_losses_are_zero_for_a_perfect_answer() -> None:
    ones, zeros = torch.ones(2, 5), torch.zeros(2, 5)
    assert discriminator_loss([ones], [zeros]) == 0
    assert discriminator_loss([zeros, zeros], [ones, ones]) == 4
    assert generator_loss([ones]) == 0
    assert generator_loss([zeros, zeros]) == 2


def test_feature_matching_sends_no_gradient_to_the_real_maps() -> None:
    real = normal("real", 2, 3).requires_grad_(True)
    fake = normal("fake", 2, 3).requires_grad_(True)
    loss = feature_matching_loss([[real]], [[fake]])
    torch.testing.assert_close(loss, 2 * (real - fake).abs().mean())
    loss.backward()
    assert real.grad is None
    assert fake.grad is not None


def test_kl_is_the_closed_form_on_average_and_per_frame() -> None:
    m_p, logs_p = normal("m_p", 1, 4, 6), 0.3 * normal("logs_p", 1, 4, 6)
    m_q, logs_q = normal("m_q", 1, 4, 6), 0.3 * normal("logs_q", 1, 4, 6)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(m_q, logs_q.exp()), torch.distributions.Normal(m_p, logs_p.exp())
    )
    n = 20000
    z = m_q + logs_q.exp() * normal("noise", n, 4, 6)
    mask = torch.ones(n, 1, 6)
    kl = gaussian_kl(z, logs_q, m_p, logs_p, mask)
    torch.testing.assert_close(kl, exact.sum() / 6, rtol=0.02, atol=0)


def test_weights_must_have_exactly_the_losses_names() -> None:
    losses = {"mel": torch.tensor(2.0), "kl": torch.tensor(3.0)}
    assert weighted_total(losses, {"mel": 45.0, "kl": 1.0}) == 93
    for weights in ({"mel": 1.0}, {"mel": 1.0, "kl": 1.0, "adversarial": 1.0}):
        with pytest.raises(UserError, match="loss weights"):
            weighted_total(losses, weights)
