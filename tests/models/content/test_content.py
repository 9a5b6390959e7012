"""Content features: shapes, frame alignment, loading, on a tiny HuBERT with random weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.errors import UserError
from models.content.frames import align_frames
from models.content.hubert import hubert_features, load_hubert
from models.content.mfcc import mfcc_features
from models.frontend.mel import SpectrogramParameters, linear_spectrogram
from tests.models.tiny import speech_encoder_sizes

FAMILY = SpectrogramParameters(sample_rate=32_000, n_fft=2_048, hop_samples=640, n_mels=128)


@pytest.fixture(scope="module")
def tiny_hubert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user would have it, with HuBERT's real strides."""
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    config = HubertConfig(**speech_encoder_sizes(num_hidden_layers=3))
    folder = tmp_path_factory.mktemp("hubert")
    HubertModel(config).save_pretrained(folder)
    return folder


def speech_like(n_samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(3).standard_normal(n_samples)).astype(np.float32)


@pytest.mark.parametrize("n_frames", [10, 25, 51])
def test_hubert_has_the_spectrograms_frames(tiny_hubert: Path, n_frames: int) -> None:
    network = load_hubert(str(tiny_hubert), "main", None, "features.content.model")
    for extra in (0, 79, 80, 319):
        features = hubert_features(network, speech_like(n_frames * 320 + extra), n_frames)
        assert features.shape == (24, n_frames)


def test_the_missing_last_frame_repeats_its_neighbour(tiny_hubert: Path) -> None:
    features = hubert_features(
        load_hubert(str(tiny_hubert), "main", None, "features.content.model"), speech_like(8_000), 25
    )
    assert torch.equal(features[:, -1], features[:, -2])
    assert not torch.equal(features[:, -2], features[:, -3])


def test_layers_and_normalisation_differ(tiny_hubert: Path) -> None:
    network = load_hubert(str(tiny_hubert), "main", None, "features.content.model")
    samples = speech_like(8_000)
    last = hubert_features(network, samples, 25)
    assert torch.equal(last, hubert_features(network, samples, 25))
    assert not torch.allclose(last, hubert_features(network, samples, 25, layer=1))
    scaled = [hubert_features(network, gain * samples, 25, normalize=True) for gain in (0.5, 1.0)]
    torch.testing.assert_close(*scaled, rtol=1e-3, atol=1e-3)


def test_clips_shorter_than_a_frame_are_named(tiny_hubert: Path) -> None:
    with pytest.raises(ValueError, match="399 samples"):
        hubert_features(
            load_hubert(str(tiny_hubert), "main", None, "features.content.model"), speech_like(399), 1
        )


def test_weights_that_are_missing_or_others_are_named(tiny_hubert: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"features\.content\.model.*Download"):
        load_hubert("nobody/no-such-hubert", "main", None, "features.content.model")
    with pytest.raises(UserError, match=r"features\.content\.model"):
        load_hubert(str(tmp_path), "main", None, "features.content.model")
    with pytest.raises(UserError, match="SHA-256"):
        load_hubert(str(tiny_hubert), "main", "0" * 64, "features.content.model")
    weights = (tiny_hubert / "model.safetensors").read_bytes()
    assert (
        load_hubert(str(tiny_hubert), "main", hashlib.sha256(weights).hexdigest(), "features.content.model")
        is not None
    )


def test_mfcc_is_normalised_and_blind_to_level() -> None:
    wave = torch.from_numpy(speech_like(32_000))[None]
    quiet, loud = (
        mfcc_features(linear_spectrogram(gain * wave, FAMILY)[0], FAMILY, 39) for gain in (0.2, 1.0)
    )
    assert loud.shape == (39, 50)
    torch.testing.assert_close(loud.mean(dim=1), torch.zeros(39), atol=1e-4, rtol=0)
    torch.testing.assert_close(loud.std(dim=1, correction=0), torch.ones(39), atol=1e-3, rtol=0)
    torch.testing.assert_close(quiet, loud, atol=0.05, rtol=0)


def test_mfcc_of_silence_is_finite() -> None:
    features = mfcc_features(linear_spectrogram(torch.zeros(1, 6_400), FAMILY)[0], FAMILY, 39)
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("dim", [0, 40, 300])
def test_mfcc_sizes_that_do_not_exist_are_named(dim: int) -> None:
    with pytest.raises(ValueError, match=f"dim {dim}"):
        mfcc_features(torch.ones(1_025, 10), FAMILY, dim)


def test_frames_are_cut_or_repeated_but_never_invented() -> None:
    features = torch.arange(6.0).reshape(1, 6)
    assert align_frames(features, 4).tolist() == [[0, 1, 2, 3]]
    assert align_frames(features, 8).tolist() == [[0, 1, 2, 3, 4, 5, 5, 5]]
    with pytest.raises(ValueError, match="6 content frames for 9"):
        align_frames(features, 9)


def test_clips_are_heard_as_they_are_unless_normalised(tiny_hubert: Path) -> None:
    network = load_hubert(str(tiny_hubert), "main", None, "features.content.model")
    samples = speech_like(8_000) + np.float32(0.05)
    with torch.no_grad():
        heard = network(torch.from_numpy(samples)[None]).last_hidden_state[0].T
    torch.testing.assert_close(hubert_features(network, samples, 25)[:, :24], heard)
    plain, shifted = (
        hubert_features(network, moved, 25, normalize=True) for moved in (samples, samples + np.float32(0.3))
    )
    torch.testing.assert_close(plain, shifted, rtol=1e-3, atol=1e-3)
