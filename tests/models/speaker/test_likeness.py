"""The speaker encoder with a gradient hears what the one without hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch import nn

from models.layers.recurrent import let_gradients_pass
from models.speaker.ge2e import SAMPLE_RATE, embed_ge2e, load_ge2e
from models.speaker.likeness import SpeakerLikeness


@pytest.fixture(scope="module")
def clips(speech: Path) -> list[np.ndarray]:
    """A few clips of two corpora at 24 kHz."""
    found = []
    for corpus in ("ljs-mini", "kerstin-de"):
        for path in sorted((speech / corpus / "wavs").iterdir())[:3]:
            samples, rate = soundfile.read(path, dtype="float32")
            found.append(soxr.resample(samples, rate, 24_000))
    return found


@pytest.mark.slow
def test_another_rate_is_heard_as_the_encoders_own(clips: list[np.ndarray]) -> None:
    likeness = SpeakerLikeness(load_ge2e(), 24_000)
    for samples in clips:
        found = likeness(torch.from_numpy(samples)[None])[0]
        known = torch.from_numpy(embed_ge2e(soxr.resample(samples, 24_000, 16_000)))
        assert float(found @ known) > 0.99


def test_speakers_are_told_apart(clips: list[np.ndarray]) -> None:
    likeness = SpeakerLikeness(load_ge2e(), 24_000)
    found = torch.cat([likeness(torch.from_numpy(samples)[None]) for samples in clips])
    similarity = found @ found.T
    own = torch.cat([similarity[:3, :3].flatten(), similarity[3:, 3:].flatten()])
    assert own.min() > similarity[:3, 3:].max() + 0.05


def test_the_gradient_leads_to_the_speaker() -> None:
    torch.manual_seed(0)
    # The encoder is loaded once per process; whoever asks first wants no gradient.
    load_ge2e.cache_clear()
    embed_ge2e(np.zeros(SAMPLE_RATE, dtype=np.float32))
    likeness = SpeakerLikeness(load_ge2e(), 24_000)
    wave = (0.1 * torch.randn(1, 48_000)).requires_grad_()
    target = torch.nn.functional.normalize(torch.rand(1, 256), dim=1)
    first = (likeness(wave) * target).sum()
    first.backward()
    assert wave.grad is not None
    with torch.no_grad():
        moved = wave + 0.02 * wave.grad / wave.grad.abs().max()
        assert float((likeness(moved) * target).sum()) > float(first)


def test_gradients_pass_through_its_lstms_on_a_gpu_too() -> None:
    """cuDNN computes them in training mode alone; the encoder that it was made of stays as it was."""
    encoder = load_ge2e()
    likeness = SpeakerLikeness(encoder, 24_000)
    assert likeness.encoder.lstm.training and not encoder.lstm.training
    with pytest.raises(ValueError, match=r"0 drops 0\.1 of its values"):
        let_gradients_pass(nn.Sequential(nn.LSTM(2, 2, num_layers=2, dropout=0.1)))


def test_half_precision_around_it_changes_nothing() -> None:
    wave = torch.randn(1, 48_000, generator=torch.Generator().manual_seed(1))
    likeness = SpeakerLikeness(load_ge2e(), 24_000)
    with torch.autocast("cpu", torch.bfloat16):
        half = likeness(wave)
    assert torch.equal(half, likeness(wave))
