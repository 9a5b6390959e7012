"""Weights, inputs and comparisons by the rules of the goldens' README, which need numpy only."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def source(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode("utf-8"))))


def normal(name: str, *shape: int) -> Tensor:
    return torch.from_numpy(source(name).standard_normal(shape).astype(np.float32))


def integers(name: str, low: int, high: int, *shape: int) -> Tensor:
    return torch.from_numpy(source(name).integers(low, high, size=shape, dtype=np.int64))


def test_wave(name: str, n_samples: int, sample_rate: int = 32000) -> Tensor:
    """[n_samples] harmonics with vibrato, tremolo and a little noise."""
    t = np.arange(n_samples) / sample_rate
    f0_hz = 140 + 30 * np.sin(2 * np.pi * 1.3 * t)
    phase = 2 * np.pi * np.cumsum(f0_hz) / sample_rate
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 2.1 * t)
    x = envelope * sum(np.sin(h * phase + 0.3 * h) / h for h in range(1, 9))
    x = 0.55 * x / np.abs(x).max() + 0.01 * source(name).standard_normal(n_samples)
    return torch.from_numpy(x.astype(np.float32))


test_wave.__test__ = False  # type: ignore[attr-defined]


def t2s_gain(name: str) -> float:
    if name.endswith("in_proj_weight"):
        return 2.0
    return 0.4 if name.endswith(("out_proj.weight", "linear2.weight")) else 1.0


def filled(name: str, shape: tuple[int, ...], gain: float) -> NDArray[Any]:
    """The value of one state-dict entry."""
    last = name.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if last in ("inited", "cluster_size"):
        return np.ones(shape, np.float32)
    n = source(name).standard_normal(shape).astype(np.float32)
    small = np.float32(0.02) * n
    if last == "running_var":
        return 1 + np.abs(small)
    if last == "running_mean":
        return small
    if last == "alpha":
        return 1 + np.float32(0.3) * n
    if last in ("weight_g", "gamma"):
        return 1 + small
    if name.endswith("prelu.weight"):
        return np.float32(0.25) + small
    if last == "weight" and n.ndim == 1:
        return 1 + small
    if n.ndim >= 2 and ("embed" in name or last.startswith("emb_rel")):
        return np.float32(0.5) * n
    if n.ndim >= 2:
        return np.float32(gain / np.sqrt(np.prod(shape[1:]))) * n
    return small


def fill(module: nn.Module, gain: Callable[[str], float]) -> None:
    """Replace every parameter and buffer of `module` by the rule."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            tensor.copy_(torch.from_numpy(filled(name, tuple(tensor.shape), gain(name))))


def relative_error(value: Tensor, expected: NDArray[Any]) -> float:
    """Relative L2 distance."""
    a = value.detach().double().numpy().reshape(expected.shape)
    b = expected.astype(np.float64)
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30))


def error_against(golden: Mapping[str, NDArray[Any]], key: str, value: Tensor) -> float:
    """Relative L2 distance to a stored array, or to its summary (a subsample, its shape and its moments)."""
    if key in golden:
        return relative_error(value, golden[key])
    assert tuple(golden[f"{key}#shape"]) == tuple(value.shape)
    flat = value.detach().double().flatten()
    sub = relative_error(flat[:: int(golden[f"{key}#step"])].float(), golden[f"{key}#sub"])
    mean, std, norm = golden[f"{key}#stat"]
    moments = torch.stack((flat.mean(), flat.std(correction=0), flat.norm())).numpy()
    scale = max(std, 1e-12)
    return max(
        sub,
        float(np.abs(moments[:2] - (mean, std)).max() / scale),
        float(abs(moments[2] - norm) / max(norm, 1e-12)),
    )
