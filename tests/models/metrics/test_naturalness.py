"""DNSMOS's windows and curves, about a network whose opinion is the mean of what it hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.metrics.naturalness import FILE, SAMPLE_RATE, dnsmos

WINDOW = 144_160
"""9.01 s, what the published network takes."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dnsmos") / FILE
    nodes = [
        helper.make_node("ReduceMean", ["input_1"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "mean", "mean"], ["opinions"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "opinions",
        [helper.make_tensor_value_info("input_1", TensorProto.FLOAT, ["N", WINDOW])],
        [helper.make_tensor_value_info("opinions", TensorProto.FLOAT, ["N", 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_opinions_pass_the_published_curves(network: Path) -> None:
    found = dnsmos(np.full(10 * SAMPLE_RATE, 0.5, np.float32), network)
    assert found.signal == pytest.approx(-0.08397278 / 4 + 1.22083953 / 2 + 0.0052439, rel=1e-5)
    assert found.background == pytest.approx(-0.13166888 / 4 + 1.60915514 / 2 - 0.39604546, rel=1e-5)
    assert found.overall == pytest.approx(-0.06766283 / 4 + 1.11546468 / 2 + 0.04602535, rel=1e-5)


def test_short_speech_is_doubled_until_it_fills_a_window(network: Path) -> None:
    ramp = np.linspace(0, 1, 3 * SAMPLE_RATE, dtype=np.float32)
    whole = np.concatenate([ramp] * 4)
    assert dnsmos(ramp, network) == dnsmos(whole, network)


def test_long_speech_is_heard_every_second(network: Path) -> None:
    """11.5 s begin windows at 0 and 1 s: the last half second, and what follows 10.01 s, is in none."""
    speech = np.zeros(int(11.5 * SAMPLE_RATE), np.float32)
    quiet = dnsmos(speech, network).signal
    speech[SAMPLE_RATE + WINDOW :] = 1.0
    assert dnsmos(speech, network).signal == quiet
    speech[WINDOW : SAMPLE_RATE + WINDOW] = 1.0
    only_second = SAMPLE_RATE / WINDOW
    expected = 0.0052439 + (-0.08397278 * only_second**2 + 1.22083953 * only_second) / 2
    assert dnsmos(speech, network).signal == pytest.approx(expected, rel=1e-5)
