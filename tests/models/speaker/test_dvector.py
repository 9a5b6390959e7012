"""The independent encoder's mels and windows, about a network that gives back the mean of a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.frontend.audio import resample
from models.speaker.dvector import FILE, SAMPLE_RATE, embed_dvector
from tasks.corpus.embedded import embedded


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dvector") / FILE
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["mel_window"], ["embedding"], axes=[1], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("mel_window", TensorProto.FLOAT, ["batch", 80, 40])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 40])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_a_tone_is_in_its_band_on_the_floor_elsewhere(network: Path) -> None:
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    found = embed_dvector(np.sin(2 * np.pi * 1_000 * t).astype(np.float32), network)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    # 40 Slaney bands up to 8 kHz, of 15 mel to 1 kHz: the tone lies in the fourteenth.
    assert abs(int(found.argmax()) - 13) <= 1
    silent = embed_dvector(np.zeros(SAMPLE_RATE, np.float32), network)
    np.testing.assert_allclose(silent, np.full(40, -1 / np.sqrt(40)), rtol=1e-5)


def test_short_speech_is_one_window(network: Path) -> None:
    speech = resample(*embedded("held-out")[0].wave(), SAMPLE_RATE)
    assert embed_dvector(speech[: SAMPLE_RATE // 4], network).shape == (40,)


def test_windows_count_alike_however_loud_they_are(network: Path) -> None:
    """Each is brought to unit length before the mean: a loud half does not drown a quiet one."""
    speech = resample(*embedded("held-out")[0].wave(), SAMPLE_RATE)[: 4 * SAMPLE_RATE]
    halves = [embed_dvector(half, network) for half in np.split(speech, 2)]
    whole = embed_dvector(speech, network)
    mean = np.mean(halves, axis=0)
    assert whole @ (mean / np.linalg.norm(mean)) > 0.999
