"""Where the speaker network's weights come from, and what it says when they are not there."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.errors import UserError
from models.speaker.eres2netv2 import (
    SAMPLE_RATE,
    WEIGHTS_FILE,
    ERes2NetV2,
    embed_speaker_vector,
    find_eres2netv2,
    load_eres2netv2,
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of the published form: a table of half-precision weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        table = ERes2NetV2().half().state_dict()
    path = tmp_path_factory.mktemp("models") / "sv" / WEIGHTS_FILE
    path.parent.mkdir()
    torch.save(table, path)
    yield path
    load_eres2netv2.cache_clear()


def sound(sample_rate: int, seconds: float) -> np.ndarray:
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * 220 * t) + 0.1 * np.sin(2 * np.pi * 1760 * t)).astype(np.float32)


@pytest.mark.slow
def test_a_vector_hardly_depends_on_the_clips_rate(weights: Path) -> None:
    vectors = [embed_speaker_vector(sound(rate, 0.5), rate, weights) for rate in (SAMPLE_RATE, 48_000)]
    assert vectors[0].shape == (20_480,)
    assert vectors[0].dtype == np.float32
    assert np.linalg.norm(vectors[0] - vectors[1]) < 0.02 * np.linalg.norm(vectors[0])
    other = embed_speaker_vector(sound(SAMPLE_RATE, 0.5)[::2].copy(), SAMPLE_RATE, weights)
    assert np.linalg.norm(vectors[0] - other) > 0.02 * np.linalg.norm(vectors[0])


def test_silence_has_a_vector_and_less_than_a_frame_has_none(weights: Path) -> None:
    assert np.isfinite(embed_speaker_vector(np.zeros(400, np.float32), SAMPLE_RATE, weights)).all()
    with pytest.raises(ValueError, match="25 ms"):
        embed_speaker_vector(np.zeros(399, np.float32), SAMPLE_RATE, weights)


@pytest.mark.slow
def test_pooling_refuses_what_has_no_deviation() -> None:
    network = ERes2NetV2().eval()
    with torch.inference_mode():
        assert network.embed(torch.zeros(1, 9, 80)).isfinite().all()
        with pytest.raises(ValueError, match="8 frames"):
            network.embed(torch.zeros(1, 8, 80))


def test_file_folder_and_folder_of_models_are_found(weights: Path) -> None:
    for given in (weights, weights.parent, weights.parent.parent, str(weights)):
        assert find_eres2netv2(given) == weights


@pytest.mark.parametrize("given", ["a/b/c/missing.ckpt", "."])
def test_missing_weights_are_named_with_size_source_and_place(given: str, tmp_path: Path) -> None:
    given = str(tmp_path) if given == "." else given
    with pytest.raises(UserError) as refused:
        find_eres2netv2(given)
    for part in (given, "`model`", WEIGHTS_FILE, "108 MB", "lj1995/GPT-SoVITS", "sv/"):
        assert part in str(refused.value)


class Malicious:
    def __reduce__(self) -> tuple:
        return print, ("executed",)


@pytest.mark.slow
def test_other_files_are_refused_and_named(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "other.ckpt"
    table = torch.load(weights, weights_only=True)
    incomplete = {name: value for name, value in table.items() if name != "seg_1.bias"}
    for content, complaint in (
        (Malicious(), "wants to run .*print.*nothing was run"),
        ([1, 2], "no table of weights"),
        (incomplete, "seg_1.bias is missing"),
        ({**table, "extra.weight": torch.zeros(1)}, "extra.weight is unknown"),
        ({**table, "seg_1.bias": torch.zeros(7)}, r"seg_1.bias is \[7\]"),
    ):
        torch.save(content, path)
        with pytest.raises(UserError, match=complaint) as refused:
            load_eres2netv2(path)
        assert "other.ckpt" in str(refused.value)
    for data, complaint in (
        (b"", "is empty"),
        (pickle.dumps(Malicious(), protocol=2), "wants to run .*print"),
        (weights.read_bytes()[:100_000], "damaged"),
    ):
        path.write_bytes(data)
        with pytest.raises(UserError, match=rf"{complaint}.*108 MB"):
            load_eres2netv2(path)
    assert "executed" not in capsys.readouterr().out
