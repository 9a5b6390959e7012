"""Filterbank and ERes2NetV2 against recorded numbers."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.frontend.fbank import kaldi_fbank
from models.speaker.eres2netv2 import SAMPLE_RATE, ERes2NetV2
from tests.models.golden_fill import fill, relative_error, test_wave
from tests.models.sovits.golden_case import arrays, case, manifest

pytestmark = [pytest.mark.golden, pytest.mark.slow]


@pytest.fixture(scope="module")
def network() -> ERes2NetV2:
    network = ERes2NetV2().eval()
    fill(network, lambda name: 1.0)
    return network


@pytest.fixture(scope="module")
def fbank(goldens: Path) -> Tensor:
    settings = case(goldens)
    return kaldi_fbank(test_wave(f"{settings['tag']}/sv/wave", settings["sv"]["N"], SAMPLE_RATE))


def test_names_and_shapes_are_the_checkpoints(network: ERes2NetV2, goldens: Path) -> None:
    own = network.state_dict()
    listed = manifest(goldens, "eres2netv2")
    assert {entry["name"]: entry["shape"] for entry in listed} == {
        name: list(tensor.shape) for name, tensor in own.items()
    }
    for entry in listed:
        norm = float(own[entry["name"]].double().norm())
        assert math.isclose(norm, entry["l2"], rel_tol=1e-5, abs_tol=1e-6)


def test_filterbank_is_kaldis(fbank: Tensor, goldens: Path) -> None:
    expected = arrays(goldens, "sv")["fbank"]
    np.testing.assert_allclose(fbank.numpy(), expected, rtol=0, atol=1e-3)


@torch.inference_mode()
def test_both_outputs_are_the_references(network: ERes2NetV2, fbank: Tensor, goldens: Path) -> None:
    expected = arrays(goldens, "sv")
    assert relative_error(network(fbank[None]), expected["emb20480"]) < 1e-4
    assert relative_error(network.embed(fbank[None]), expected["emb192"]) < 1e-4


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize("n_samples", [400, 1_999, 11_537])
def test_rows_of_a_batch_equal_single_runs(network: ERes2NetV2, n_samples: int) -> None:
    waves = torch.stack([test_wave(f"sv/row{row}", n_samples, SAMPLE_RATE) for row in range(3)])
    features = kaldi_fbank(waves)
    vectors = network(features)
    assert vectors.shape == (3, 20_480)
    for row, wave in enumerate(waves):
        single = kaldi_fbank(wave)
        torch.testing.assert_close(features[row], single, rtol=0, atol=1e-5)
        assert relative_error(vectors[row], network(single[None])[0].numpy()) < 1e-5
