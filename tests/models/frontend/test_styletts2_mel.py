"""The mel of StyleTTS 2 and Kokoro reproduces the reference's numbers, for any length and batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.mel import log_norm, styletts2_frame_count, styletts2_mel
from models.frontend.mel_bands import htk_filterbank
from tests.models.styletts2_golden import check, inputs, output

EDGE = 5_000


@pytest.mark.golden
def test_the_recorded_mel(goldens: Path) -> None:
    wave = torch.nn.functional.pad(inputs(goldens, "mel")["wave"], (EDGE, EDGE))[None]
    mel = styletts2_mel(wave)
    check(goldens, "mel", "mel", mel[0])
    check(goldens, "mel", "log_norm", log_norm(mel))
    check(goldens, "mel", "fbank", torch.from_numpy(htk_filterbank(80, 1_025, 8_000.0).T.copy()))
    before = int(output(goldens, "mel", "mel_frames_before_trim"))
    assert mel.shape[-1] == before - before % 2


@settings(deadline=None, max_examples=25)
@given(st.integers(min_value=1_025, max_value=20_000))
def test_frames_are_even_and_as_counted(n_samples: int) -> None:
    mel = styletts2_mel(torch.zeros(1, n_samples))
    assert mel.shape == (1, 80, styletts2_frame_count(n_samples))
    assert mel.shape[-1] % 2 == 0
    torch.testing.assert_close(mel, torch.full_like(mel, (np.log(1e-5) + 4) / 4))


def test_a_batch_is_its_clips() -> None:
    waves = torch.randn(3, 9_100, generator=torch.Generator().manual_seed(5))
    one_by_one = torch.cat([styletts2_mel(wave[None]) for wave in waves])
    torch.testing.assert_close(styletts2_mel(waves), one_by_one)


def test_a_click_shows_in_the_frame_centred_on_it() -> None:
    wave = torch.zeros(1, 12_000)
    wave[0, 20 * 300] = 1.0
    assert int(log_norm(styletts2_mel(wave))[0].argmax()) == 20


def test_too_short_a_signal_is_named() -> None:
    with pytest.raises(ValueError, match="1024"):
        styletts2_mel(torch.zeros(1, 1_024))


def test_gradients_reach_the_waveform() -> None:
    wave = torch.randn(1, 6_000, requires_grad=True, generator=torch.Generator().manual_seed(5))
    styletts2_mel(wave).sum().backward()
    assert wave.grad is not None
    assert torch.isfinite(wave.grad).all()
    assert wave.grad.abs().sum() > 0
