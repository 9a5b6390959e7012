"""The features of StyleTTS 2 and Kokoro share one grid that counts the edge silence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import UserError
from configs.family import FamilySettings
from configs.phonemize import PhonemizeSettings
from configs.settings import Features
from models.frontend.audio import encode_flac
from models.frontend.mel import log_norm, styletts2_mel
from tasks.features.stages import PHONEMIZE, PITCH, SPECTROGRAM
from tasks.outcome import ConfigView
from tasks.stage import RowStage, function_of

RATE, HOP, EDGE = 24_000, 300, 5_000
FAMILY = FamilySettings(
    name="styletts2",
    sample_rate=RATE,
    hop_samples=HOP,
    n_mels=80,
    mel="styletts2",
    edge_silence_samples=EDGE,
    symbol_table="ipa",
    character_table="styletts2",
)
TEXT = {"utterance_id": "u", "source_digest": "d", "language": "de"}
TREE = SimpleNamespace(family=FAMILY, features=Features())


def made(stage: RowStage, samples: np.ndarray, sample_rate: int = RATE) -> dict[str, Any]:
    row = {"utterance_id": "u", "source_digest": "d", "sample_rate": sample_rate}
    row["audio"] = encode_flac(samples.astype(np.float32), sample_rate)
    (outcome,) = function_of(stage)([row], ConfigView(TREE, stage.config), {})
    (result,) = outcome.rows
    return result


def glide(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a tone whose pitch rises from 150 to 250 Hz, and its pitch at each."""
    f0_hz = np.linspace(150.0, 250.0, n_samples)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    return 0.2 * sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9)), f0_hz


@settings(deadline=None, max_examples=10)
@given(st.integers(min_value=400, max_value=9_000))
def test_every_feature_has_the_same_even_number_of_frames(n_samples: int) -> None:
    samples = np.zeros(n_samples)
    spectrogram, pitch = (made(stage, samples) for stage in (SPECTROGRAM, PITCH))
    n_frames = spectrogram["n_frames"]
    assert n_frames % 2 == 0
    assert abs(n_frames * HOP - n_samples - 2 * EDGE) <= HOP
    assert len(spectrogram["energy"]) == len(pitch["f0_hz"]) == n_frames
    assert len(spectrogram["mel"]) == 2 * 80 * n_frames
    assert spectrogram["linear"] == b""
    assert pitch["frame_rate_hz"] == 80.0


def test_mel_and_energy_are_those_of_the_clip_between_silence() -> None:
    samples, _ = glide(RATE)
    row = made(SPECTROGRAM, samples)
    padded = torch.nn.functional.pad(torch.from_numpy(samples).float(), (EDGE, EDGE))[None]
    mel = styletts2_mel(padded)
    stored = np.frombuffer(row["mel"], "<f2").reshape(row["n_frames"], row["n_mels"])
    np.testing.assert_allclose(stored, mel[0].numpy().T, atol=2e-3)
    np.testing.assert_allclose(row["energy"], log_norm(mel)[0].numpy(), atol=1e-3)


@pytest.mark.parametrize("sample_rate", [RATE, 2 * RATE])
def test_pitch_lies_at_the_mels_frame_centres(sample_rate: int) -> None:
    samples, f0_hz = glide(RATE)
    if sample_rate != RATE:
        samples = np.interp(np.arange(sample_rate) / sample_rate, np.arange(RATE) / RATE, samples)
    row = made(PITCH, samples, sample_rate)
    found = np.array(row["f0_hz"])
    centres = np.arange(len(found)) * HOP - EDGE
    inner = (centres > 2_400) & (centres < RATE - 2_400)
    # Half a hop of offset would be 0.6 Hz here.
    assert abs(np.median(found[inner] - f0_hz[centres[inner]])) < 0.35
    assert not found[centres < -600].any()
    assert not found[centres > RATE + 600].any()


def phonemized(text: str, language: str, **values: Any) -> Any:
    features = Features(phonemize=PhonemizeSettings(**values))
    view = ConfigView(SimpleNamespace(family=FAMILY, features=features), PHONEMIZE.config)
    (outcome,) = function_of(PHONEMIZE)([{**TEXT, "text": text, "language": language}], view, {})
    return outcome


def test_texts_that_the_characters_spell_are_kept() -> None:
    (row,) = phonemized("Schöne Grüße!", "de").rows
    assert (row["symbol_table"], row["unknown"]) == ("ipa", [])


def test_tones_that_the_characters_lack_are_refused_by_name_or_counted() -> None:
    (refused,) = phonemized("你好", "zh").rejects
    assert refused.code == "unknown_symbols"
    assert "你好" in refused.reason
    (row,) = phonemized("你好", "zh", unknown_ratio_max=0.9).rows
    assert row["unknown"]


def test_a_sentence_beyond_the_networks_reach_is_refused_by_name() -> None:
    (refused,) = phonemized("Donaudampfschifffahrtsgesellschaft " * 30, "de").rejects
    assert (refused.code, refused.field) == ("too_many_characters", "text")
    assert refused.value.startswith("Donaudampf")
    assert "510" in refused.reason


def test_another_symbol_table_is_refused() -> None:
    with pytest.raises(UserError, match=r"features\.phonemize\.symbol_table: auto"):
        phonemized("Hello", "en", symbol_table="gpt-sovits-v2")
