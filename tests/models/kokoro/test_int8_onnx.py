"""Weights out of a quantised export: where they lie, how they are scaled, and what is no such export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor

from configs.errors import UserError
from models.kokoro.config import TINY
from models.kokoro.int8_onnx import UNUSED, read_int8_onnx
from models.kokoro.model import Kokoro
from models.kokoro.upstream import load_kokoro, save_config
from tests.models.kokoro.small_export import Export, export, save


@pytest.fixture(scope="module")
def model() -> Kokoro:
    torch.manual_seed(5)
    made = Kokoro(TINY).eval()
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.endswith("weight_g"):
                value.mul_(torch.rand(value.shape) + 0.5)
        # int8 leaves nothing of a channel this small beside the others.
        made.decoder.encode.conv1.weight_g[3] = 1e-9
    return made


@pytest.fixture(scope="module")
def made(model: Kokoro) -> Export:
    return export(model)


@pytest.fixture
def file(made: Export, model: Kokoro, tmp_path: Path) -> Path:
    save_config(tmp_path / "config.json", model.config)
    return save(made, tmp_path / "small.int8.onnx")


def normed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights with g and v as the one weight that they stand for."""
    found = {}
    for name, value in state.items():
        if name.endswith("weight_v"):
            g = state[f"{name[:-1]}g"]
            found[name[:-2]] = value * (g / value.flatten(1).norm(dim=1).view(g.shape))
        elif not name.endswith("weight_g"):
            found[name] = value
    return found


def test_every_weight_is_what_was_quantised(model: Kokoro, made: Export, file: Path) -> None:
    loaded = normed(load_kokoro(file, file.with_name("config.json")).state_dict())
    for name, value in normed(model.state_dict()).items():
        if name.startswith(UNUSED):
            assert not loaded[name].any()
            continue
        step = made.steps.get(name, made.steps.get(name.rpartition(".")[0], 0.0))
        if name.endswith("bias"):
            step = 0.0
        assert (loaded[name] - value).abs().max() <= 0.51 * step + 1e-7, name


def test_a_channel_that_int8_emptied_is_silent_and_finite(file: Path) -> None:
    state = load_kokoro(file, file.with_name("config.json")).state_dict()
    assert not normed(state)["decoder.encode.conv1.weight"][3].any()
    assert state["decoder.encode.conv1.weight_v"][3].any()


@pytest.mark.slow
def test_it_speaks_almost_as_before(model: Kokoro, file: Path) -> None:
    tokens = torch.tensor([[0, 5, 17, 60, 44, 9, 0]])
    lengths, row = torch.tensor([7]), torch.randn(1, model.config.voice_width, generator=torch.manual_seed(1))
    loaded = load_kokoro(file, file.with_name("config.json"))
    one, other = (m.forward_train(tokens, lengths, row) for m in (model, loaded))
    torch.testing.assert_close(one.durations, other.durations, rtol=0.05, atol=0.05)


def test_equal_files_give_equal_weights(file: Path, model: Kokoro) -> None:
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    one, other = (read_int8_onnx(file, wanted) for _ in range(2))
    assert one.keys() == other.keys() == wanted.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def refused(path: Path, model: Kokoro) -> str:
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    with pytest.raises(UserError) as caught:
        read_int8_onnx(path, wanted)
    return str(caught.value)


def test_a_file_that_is_cut_short(file: Path, model: Kokoro) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert "get the file again" in refused(file, model)


def test_no_file_and_no_onnx(tmp_path: Path, model: Kokoro) -> None:
    assert "cannot be read" in refused(tmp_path / "none.onnx", model)
    (tmp_path / "text.onnx").write_text("these are words")
    assert "text.onnx" in refused(tmp_path / "text.onnx", model)


def test_a_weight_that_is_missing_is_named(file: Path, model: Kokoro) -> None:
    content = onnx.load(file)
    nodes = [node for node in content.graph.node if "duration_proj" not in node.name]
    del content.graph.node[:]
    content.graph.node.extend(nodes)
    file.write_bytes(content.SerializeToString())
    assert "predictor.duration_proj.linear_layer.weight" in refused(file, model)


def test_a_scale_that_would_blow_a_weight_up_is_refused(file: Path, model: Kokoro) -> None:
    content = onnx.load(file)
    scale = next(one for one in content.graph.initializer if one.name.endswith("conv1/Conv_scale"))
    scale.CopyFrom(numpy_helper.from_array(np.ones((7, 1, 1, 1), np.float32), scale.name))
    file.write_bytes(content.SerializeToString())
    assert "another shape" in refused(file, model)


def test_weights_outside_the_file_are_not_followed(file: Path, model: Kokoro) -> None:
    content = onnx.load(file)
    weight = next(one for one in content.graph.initializer if one.name.endswith("conv1/Conv_quantized"))
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../etc/passwd")
    file.write_bytes(content.SerializeToString())
    assert "outside the file" in refused(file, model)
