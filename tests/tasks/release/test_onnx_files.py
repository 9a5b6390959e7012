"""The synthesis path as ONNX files beside the model in torch."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from configs.errors import UserError
from models.acoustics.fourier import ShortFourier
from models.acoustics.onnx_graphs import Graph, probe
from models.kokoro.config import KokoroConfig
from models.kokoro.model import Kokoro
from models.layers.conv import fold_weight_norm
from models.styletts2.config import TINY, styletts2_config
from models.styletts2.model import StyleTTS2
from tasks.release.onnx_files import TOLERANCE, run_onnx, to_onnx, write_checked, write_onnx
from tests.models.kokoro import small

HOWTO = Path(__file__).parents[3] / "docs" / "howto" / "styletts2.md"
SMALL: dict[str, Any] = {
    **TINY,
    "bert_layers": 1,
    "n_layers": 1,
    "resblock_kernels": (3,),
    "resblock_dilations": (1,),
}
CONFIGS = {
    "hifigan": styletts2_config(
        "libritts", **{**SMALL, "upsample_rates": (300,), "upsample_kernels": (600,), "trailing_frames": 2}
    ),
    "kokoro": replace(
        small.CONFIG, decoder=replace(small.CONFIG.decoder, resblock_dilations=(1,)), n_layers=1
    ),
}


class Exported(NamedTuple):
    model: StyleTTS2 | Kokoro
    folder: Path


def build(name: str) -> StyleTTS2 | Kokoro:
    torch.manual_seed(5)
    config = CONFIGS[name]
    model = Kokoro(config) if isinstance(config, KokoroConfig) else StyleTTS2(config)
    # Durations of some frames, and a pitch that is a voice's.
    nn.init.constant_(model.predictor.duration_proj.linear_layer.bias, -3.0)
    nn.init.normal_(model.predictor.F0_proj.weight, std=30.0)
    nn.init.constant_(model.predictor.F0_proj.bias, 120.0)
    model.eval().requires_grad_(False)
    fold_weight_norm(model)
    return model


@pytest.fixture(scope="module", params=list(CONFIGS))
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    model, folder = build(request.param), tmp_path_factory.mktemp(request.param) / "onnx"
    write_onnx(model.synthesis_parts(), folder)
    return Exported(model, folder)


@pytest.fixture(scope="module")
def speak() -> Callable[..., NDArray[Any]]:
    """The example of the how-to, as it is printed there."""
    (code,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["speak"]


def by_torch(model: StyleTTS2 | Kokoro, tokens: Tensor, style: Tensor, har: Tensor) -> Tensor:
    """In double precision."""
    lengths = torch.tensor([tokens.shape[1]])
    model, style, har = copy.deepcopy(model).double(), style.double(), har.double()
    if isinstance(model, Kokoro):
        return model.synthesize(tokens, lengths, style, har=[har])[0]
    return model.synthesize(tokens, lengths, style=style, har=[har]).waves[0]


@pytest.mark.slow
@pytest.mark.parametrize("n_tokens", [6, 19])
def test_files_speak_as_torch_does(
    exported: Exported, speak: Callable[..., NDArray[Any]], n_tokens: int
) -> None:
    model, folder = exported
    probed = probe(model.synthesis_parts(), n_tokens)
    style = probed.style.numpy()
    wave = speak(folder, probed.tokens[0].tolist(), style, seed=3)

    def run(name: str, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        return run_onnx((folder / f"{name}.onnx").read_bytes(), inputs)

    frames, _, features, _ = run(
        "text", tokens=probed.tokens.numpy(), style=style, speed=probed.speed.numpy()
    )
    f0_hz, _ = run("prosody", features=np.repeat(features, frames[0], axis=2), style=style)
    noise = np.random.default_rng(3).standard_normal((1, 300 * f0_hz.shape[1], 9), dtype=np.float32)
    (har,) = run("source", f0_hz=f0_hz, noise=noise)
    har_by_torch = model.decoder.har(torch.from_numpy(f0_hz), noise=torch.from_numpy(noise)).numpy()
    assert np.mean(np.abs(har - har_by_torch) > TOLERANCE) < 1e-3
    expected = by_torch(model, probed.tokens, probed.style, torch.from_numpy(har)).numpy()
    assert f0_hz.max() > 60, "the source is silent, so the test compares too little"
    assert wave.shape == expected.shape == (600 * int(frames.sum()),)
    assert np.abs(expected).max() > 20 * TOLERANCE
    # Each graph meets TOLERANCE by itself, or it would not have been written; one after the other, in a
    # network of random weights, they pass on what they add, and some processors add more.
    off = np.abs(wave - expected)
    assert np.mean(off > TOLERANCE) < 0.01
    assert off.max() < 5 * TOLERANCE


@pytest.mark.slow
def test_a_graph_that_computes_something_else_is_not_written(exported: Exported, tmp_path: Path) -> None:
    files = {path.stem: path.read_bytes() for path in exported.folder.iterdir()}
    assert sorted(files) == ["decoder", "prosody", "source", "text"]
    parts = exported.model.synthesis_parts()
    bias = parts.decoder.generator.conv_post.bias
    assert bias is not None
    kept = bias.clone()
    bias[0] += 0.1
    try:
        with pytest.raises(UserError, match=r"decoder\.onnx: its output wave for 9 tokens is not what torch"):
            write_checked(files, parts, tmp_path / "onnx")
    finally:
        bias.copy_(kept)
    assert not list(tmp_path.iterdir())
    write_checked(files, parts, tmp_path / "onnx")
    assert len(list((tmp_path / "onnx").iterdir())) == len(files)


class Inverse(nn.Module):
    def __init__(self, fourier: ShortFourier) -> None:
        super().__init__()
        self.fourier = fourier

    def forward(self, magnitude: Tensor, phase: Tensor) -> Tensor:
        return self.fourier.inverse(magnitude, phase)[:, 0]


N_FFT, HOP = 20, 5


def inverse_transform() -> bytes:
    frames = torch.export.Dim("frames", min=4)
    graph = Graph(
        "inverse",
        Inverse(ShortFourier(N_FFT, HOP)),
        ("magnitude", "phase"),
        ("wave",),
        ({2: frames}, {2: frames}),
    )
    return to_onnx(graph, (torch.ones(1, N_FFT // 2 + 1, 9), torch.zeros(1, N_FFT // 2 + 1, 9)))


@pytest.mark.slow
def test_equal_graphs_give_equal_bytes_without_paths() -> None:
    first, second = inverse_transform(), inverse_transform()
    assert first == second
    assert str(Path(__file__).parents[3]).encode() not in first


@pytest.mark.slow
def test_exported_inverse_transform_has_unit_gain_over_the_band() -> None:
    data, window = inverse_transform(), torch.hann_window(N_FFT)
    for frequency in (50, 200, 500, 1000, 2500, 4000, 6000, 8000, 10000, 11500, 11950):
        sine = torch.sin(2 * torch.pi * frequency * torch.arange(1200) / 24000 + 0.3)[None]
        spectrum = torch.stft(sine, N_FFT, HOP, window=window, return_complex=True)
        given = {"magnitude": spectrum.abs().numpy(), "phase": spectrum.angle().numpy()}
        (wave,) = run_onnx(data, given)
        expected = torch.istft(spectrum, N_FFT, HOP, window=window).numpy()
        gain = float((wave * sine.numpy()).sum() / sine.square().sum())
        assert gain == pytest.approx(1.0, abs=0.01), frequency
        np.testing.assert_allclose(wave, expected, atol=1e-4)
