"""Speaker embeddings tell voices apart, and centroids survive strangers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, WavLMConfig, WavLMModel

from configs.errors import UserError
from configs.speaker import SpeakerSettings
from models.frontend.activity import analyse_activity
from models.speaker import ge2e
from models.speaker.centroid import centroid, robust_centroid, spread
from models.speaker.ecapa import embed_ecapa, find_weights, load_ecapa
from models.speaker.encoder import embed_speaker, without_pauses
from models.speaker.pooled import embed_pooled, load_pooled


def embed(path: Path) -> np.ndarray:
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32")
    activity = analyse_activity(samples, rate)
    return embed_speaker(samples, rate, activity, "resemblyzer", "", download=False)


@pytest.mark.slow
def test_the_same_voice_is_nearer_than_any_other(speech: Path) -> None:
    clips = sorted((speech / "readers" / "wavs").iterdir())
    voices = np.stack([embed(clip) for clip in clips])
    speakers = np.array([clip.name.split("-")[0] for clip in clips])
    np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1.0, atol=1e-5)
    for speaker in set(speakers):
        similarity = voices @ robust_centroid(voices[speakers == speaker])
        assert similarity[speakers == speaker].min() > similarity[speakers != speaker].max()


def test_an_embedding_is_the_same_twice(speech: Path) -> None:
    clip = sorted((speech / "readers" / "wavs").iterdir())[0]
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


@pytest.fixture
def speech_model(tmp_path: Path) -> Iterator[Path]:
    """A WavLM of few weights, in a folder."""
    torch.manual_seed(0)
    WavLMModel(
        WavLMConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8, 8),
            conv_stride=(20, 16),
            conv_kernel=(20, 16),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
            num_buckets=8,
            max_bucket_distance=16,
        )
    ).save_pretrained(tmp_path / "wavlm")
    yield tmp_path / "wavlm"
    load_pooled.cache_clear()


def test_pooled_hidden_states_are_mean_and_spread_over_the_clip(speech_model: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    found = embed_pooled(noise, str(speech_model))
    network = WavLMModel.from_pretrained(speech_model).eval()
    with torch.no_grad():
        states = network(torch.from_numpy(noise)[None], output_hidden_states=True).hidden_states
    assert len(states) == 3
    heard = np.mean([state[0].numpy() for state in states], axis=0)
    halves = [part / np.linalg.norm(part) for part in (heard.mean(axis=0), heard.std(axis=0))]
    np.testing.assert_allclose(found, np.concatenate(halves) / np.sqrt(2), atol=1e-5)
    assert found.shape == (32,)
    assert np.isfinite(embed_pooled(noise[:10], str(speech_model))).all()


def test_pooled_embeddings_go_by_the_same_call_without_pauses(speech_model: Path) -> None:
    random = np.random.default_rng(1)
    noise = (0.1 * random.standard_normal(32_000)).astype(np.float32)
    samples = np.concatenate((noise, np.zeros(32_000, np.float32), noise))
    activity = analyse_activity(samples, 16_000)
    found = embed_speaker(samples, 16_000, activity, "wavlm", str(speech_model), download=False)
    expected = embed_pooled(without_pauses(samples, activity), str(speech_model))
    assert found.dtype == np.float32 and np.array_equal(found, expected)


def test_pooled_embeddings_need_a_network_that_hears(tmp_path: Path) -> None:
    BertModel(
        BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
        )
    ).save_pretrained(tmp_path)
    load_pooled.cache_clear()
    with pytest.raises(UserError, match=r"`model` = .*bert model, which does not read waveforms"):
        load_pooled(str(tmp_path))
    with pytest.raises(UserError, match=r"`model` = .*cannot be loaded"):
        load_pooled(str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="wavlm needs a model of its own"):
        SpeakerSettings(backend="wavlm")


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
