"""Speaker embeddings tell voices apart, and centroids survive strangers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.errors import UserError
from models.frontend.activity import analyse_activity
from models.speaker import ge2e
from models.speaker.centroid import centroid, robust_centroid, spread
from models.speaker.ecapa import embed_ecapa, find_weights, load_ecapa
from models.speaker.encoder import embed_speaker, without_pauses


def embed(path: Path) -> np.ndarray:
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32")
    activity = analyse_activity(samples, rate)
    return embed_speaker(samples, rate, activity, "resemblyzer", "", download=False)


@pytest.mark.slow
def test_the_same_voice_is_nearer_than_any_other(speech: Path) -> None:
    clips = sorted((speech / "libri-multi" / "wavs").iterdir())
    voices = np.stack([embed(clip) for clip in clips])
    speakers = np.array([clip.name.split("-")[0] for clip in clips])
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1.0, atol=1e-5)
    for speaker in set(speakers):
        similarity = voices @ robust_centroid(voices[speakers == speaker])
        assert similarity[speakers == speaker].min() > similarity[speakers != speaker].max()


def test_an_embedding_is_the_same_twice(speech: Path) -> None:
    clip = sorted((speech / "libri-multi" / "wavs").iterdir())[0]
    assert np.array_equal(embed(clip), embed(clip))


def test_a_very_short_sound_has_an_embedding() -> None:
    samples = np.random.default_rng(0).standard_normal(3200).astype(np.float32) * 0.1
    embedding = embed_speaker(
        samples, 16000, analyse_activity(samples, 16000), "resemblyzer", "", download=False
    )
    assert np.isfinite(embedding).all()


def test_silence_is_kept_when_there_is_nothing_else() -> None:
    silence = np.zeros(16000, dtype=np.float32)
    assert without_pauses(silence, analyse_activity(silence, 16000)).size > 0


def test_a_robust_centroid_stays_with_the_largest_group() -> None:
    rng = np.random.default_rng(0)

    def group(direction: int, n: int) -> np.ndarray:
        vectors = 0.05 * rng.standard_normal((n, 32)) + np.eye(32)[direction]
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    embeddings = np.concatenate([group(0, 7), group(1, 5), group(2, 4)])
    assert robust_centroid(embeddings)[0] > 0.9
    assert centroid(embeddings)[0] < 0.9


def test_spread_ignores_one_wild_value() -> None:
    assert spread(np.array([1.0, 1.1, 0.9, 1.0, 50.0])).median == 1.0
    assert spread(np.array([1.0, 1.1, 0.9, 1.0, 50.0])).sigma == pytest.approx(0.148, abs=0.01)


def test_ecapa_without_weights_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"`model`.*embedding_model\.ckpt"):
        find_weights(str(tmp_path), download=False)
    with pytest.raises(UserError, match=r"`download`"):
        find_weights("nobody/no-such-model", download=False)


@pytest.fixture
def speechbrain_for_once() -> Iterator[None]:
    """Forgets speechbrain afterwards: its lazy modules upset Hypothesis, which looks into all modules."""
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "speechbrain"]:
        del sys.modules[name]
    load_ecapa.cache_clear()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("speechbrain_for_once")
def test_ecapa_reads_a_local_folder_and_refuses_other_files(tmp_path: Path) -> None:
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    torch.manual_seed(0)
    small = ECAPA_TDNN(
        80,
        channels=[16, 16, 16, 16, 48],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=8,
        lin_neurons=24,
    )
    torch.save(small.state_dict(), tmp_path / "embedding_model.ckpt")
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    embedding = embed_ecapa(noise, str(tmp_path), download=False)
    assert embedding.shape == (24,)
    assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(embedding, embed_ecapa(noise, str(tmp_path), download=False))
    other = tmp_path / "other"
    other.mkdir()
    torch.save({"weight": torch.zeros(1)}, other / "embedding_model.ckpt")
    with pytest.raises(UserError, match="ECAPA_TDNN"):
        embed_ecapa(noise, str(other), download=False)
    (other / "embedding_model.ckpt").write_bytes(b"not weights")
    with pytest.raises(
        UserError, match=r"embedding_model\.ckpt: begins with the bytes 6e 6f, so it is no checkpoint"
    ):
        embed_ecapa(noise, str(other), download=False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("speechbrain_for_once")
def test_ecapa_is_deaf_to_a_channel_that_only_weakens(tmp_path: Path) -> None:
    """Its training took each band's mean away, so a level is a constant of the log mel that is not heard."""
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    torch.manual_seed(0)
    small = ECAPA_TDNN(80, channels=[16] * 4 + [48], attention_channels=8, lin_neurons=24)
    torch.save(small.state_dict(), tmp_path / "embedding_model.ckpt")
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    loud, quiet = (embed_ecapa(gain * noise, str(tmp_path), download=False) for gain in (0.5, 0.05))
    np.testing.assert_allclose(loud, quiet, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "starts"),
    [
        (1, [0]),
        (31_519, [0]),
        (31_520, [0, 77]),
        (43_839, [0, 77]),
        (43_840, [0, 77, 154]),
        (80_800, [0, 77, 154, 231, 308, 385]),
    ],
)
def test_windows_lie_where_resemblyzers_lie(samples: int, starts: list[int]) -> None:
    """Its `compute_partial_slices` with a rate of 1.3 and a coverage of .75, where their number changes."""
    assert ge2e._window_starts(samples) == starts
