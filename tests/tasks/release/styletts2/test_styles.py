"""Whose style a StyleTTS 2 voice speaks in: of a recording's speech alone, and carried through a text."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from configs.release import StyleTTS2SpeakSettings
from models.frontend.mel import styletts2_mel
from tasks.release.styletts2.voice import StyleReference, StyleTTS2Voice
from tests.models.styletts2.training_case import networks
from tests.tasks.finetune.styletts2.case import FAMILY


def voice(**manner: object) -> StyleTTS2Voice:
    torch.manual_seed(0)
    reference = StyleReference("a", "a", "", "en", np.zeros(1, np.float32), np.zeros(16, np.float32))
    return StyleTTS2Voice(
        model=networks(multispeaker=True).model.eval(),
        family=FAMILY,
        languages=("en",),
        references={"a": reference},
        default_speaker="a",
        manner=StyleTTS2SpeakSettings(**manner),
    )


def speech(seconds: float) -> np.ndarray:
    n = int(seconds * FAMILY.sample_rate)
    return (0.1 * np.random.default_rng(0).standard_normal(n)).astype(np.float32)


def test_silence_around_a_reference_is_not_heard() -> None:
    spoken, one = speech(2.0), voice()
    # Multiples of the analysis' hop, so that the cuts fall on the same samples; 40 dB below is silence too.
    quiet = 0.001 * np.random.default_rng(1).standard_normal(51_200).astype(np.float32)
    silent = [np.pad(spoken, n) for n in (5_120, 51_200)]
    styles = [one.style_of(samples) for samples in (*silent, np.concatenate((quiet, spoken, quiet)))]
    assert np.array_equal(styles[0], styles[1])
    np.testing.assert_allclose(styles[2], styles[0], rtol=0.02, atol=0.01 * np.abs(styles[0]).max())
    mel = styletts2_mel(torch.from_numpy(silent[1])[None])
    with torch.no_grad():
        whole = one.model.encode_reference(mel, (mel.shape[2],))[0].numpy()
    assert np.abs(whole - styles[0]).max() > 0.05 * np.abs(styles[0]).max()


def test_short_references_have_a_style_too() -> None:
    one = voice()
    clipped = np.pad(speech(0.3), (0, 12_000))
    assert np.isfinite(one.style_of(clipped)).all() and np.isfinite(one.style_of(speech(0.3))).all()


@pytest.mark.parametrize("batches", [(3,), (1, 2)])
def test_the_mixed_style_is_carried_from_sentence_to_sentence(
    batches: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = voice(alpha=0.3, beta=0.7, carry_over=0.7)
    half = one.model.config.style_dim
    draw = torch.Generator().manual_seed(3)
    drawn, reference = torch.randn(3, 2 * half, generator=draw), torch.randn(2 * half, generator=draw)
    shares = torch.cat((torch.full((half,), 0.3), torch.full((half,), 0.7)))
    expected, before = list[Tensor](), None
    for row in drawn:
        style = row if before is None else 0.7 * before + 0.3 * row
        before = shares * style + (1 - shares) * reference
        expected.append(before)

    left = list(drawn)
    monkeypatch.setattr(type(one.model), "draw_noise", lambda *_: None)
    monkeypatch.setattr(
        type(one.model), "draw_style", lambda _, text, *__, **___: torch.stack([left.pop(0) for _ in text])
    )
    found, carried = list[Tensor](), None
    for n in batches:
        # What is read is asked for its number of rows alone.
        styles, after = one._styles(range(n), reference.expand(n, -1), [0] * n, carried)  # type: ignore[arg-type]
        found += list(styles)
        carried = after[-1]
    torch.testing.assert_close(torch.stack(found), torch.stack(expected))
