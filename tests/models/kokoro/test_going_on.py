"""A fitted voice that goes on from another."""

from __future__ import annotations

import torch

from models.kokoro.fitted_voice import FittedVoices


def test_a_fitted_voice_begins_as_it_ended() -> None:
    rng = torch.Generator().manual_seed(3)
    tables = torch.randn(7, 40, 16, generator=rng)
    ended = FittedVoices(tables, torch.full((2, 7), 1 / 7))
    with torch.no_grad():
        for parameter in ended.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=rng)
    fresh = FittedVoices(tables, torch.full((2, 7), 1 / 7))
    for speaker in (0, 1):
        fresh.begin_as(speaker, ended()[speaker])
    torch.testing.assert_close(fresh(), ended(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fresh.offset, ended.offset, atol=1e-5, rtol=1e-5)
    assert float(fresh.first_shares.sum(1).sub(1).abs().max()) < 1e-5


def test_a_voice_that_is_no_mix_comes_as_near_as_a_mix_can() -> None:
    rng = torch.Generator().manual_seed(4)
    tables, other = torch.randn(3, 40, 16, generator=rng), torch.randn(40, 16, generator=rng)
    voices = FittedVoices(tables, torch.full((1, 3), 1 / 3))
    even = float((voices()[0] - other).detach().square().mean())
    voices.begin_as(0, other)
    assert float((voices()[0] - other).detach().square().mean()) < even


def test_a_single_official_voice_has_all_of_the_share() -> None:
    voices = FittedVoices(torch.ones(1, 4, 6), torch.ones(1, 1))
    voices.begin_as(0, torch.full((4, 6), 2.0))
    assert voices.acoustic.tolist() == [[1.0]]
    assert voices.offset.tolist() == [[1.0, 1.0, 1.0]]
