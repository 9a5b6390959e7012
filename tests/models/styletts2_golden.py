"""Weights, inputs and comparisons of the StyleTTS 2 goldens, by the rules of their README."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.models.golden_fill import source
from tests.models.golden_store import read_arrays, read_table

_POWER_ITERATIONS = 8


def folder(goldens: Path) -> Path:
    return goldens / "styletts2"


def case(goldens: Path) -> dict[str, Any]:
    return _json(goldens, "case.json")


def manifest(goldens: Path, name: str) -> dict[str, Any]:
    """Description, shapes and tolerances of one case."""
    return _json(goldens, "manifest.json")[name]


def shapes(goldens: Path, configuration: str) -> dict[str, dict[str, list[int]]]:
    """{module: {key: shape}} of `state_dict_<configuration>.json`."""
    return _json(goldens, f"state_dict_{configuration}.json")


def arrays(goldens: Path, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of one case under `in_<name>` and `out_<name>`."""
    return read_arrays(folder(goldens), name)


def inputs(goldens: Path, name: str) -> dict[str, Tensor]:
    """The inputs of one case by their names."""
    stored = arrays(goldens, name)
    return {key[3:]: torch.from_numpy(value) for key, value in stored.items() if key.startswith("in_")}


def output(goldens: Path, name: str, key: str) -> Tensor:
    """A result that is stored whole, to be given to a later part."""
    assert "stride" not in manifest(goldens, name)["outputs"][key]
    return torch.from_numpy(arrays(goldens, name)[f"out_{key}"])


def gauss(goldens: Path, name: str, shape: Sequence[int]) -> Tensor:
    """Standard normal draws under the case's salt."""
    drawn = source(case(goldens)["salt"] + name).standard_normal(tuple(shape))
    return torch.from_numpy(drawn.astype(np.float32))


def uniform(goldens: Path, name: str, shape: Sequence[int]) -> Tensor:
    """Draws from [0, 1) under the case's salt."""
    return torch.from_numpy(source(case(goldens)["salt"] + name).random(tuple(shape)).astype(np.float32))


def fill(goldens: Path, name: str, module: nn.Module) -> None:
    """Replace every entry of the state dict of `module`, the checkpoint's `name`, by the rule."""
    fill_with_salt(case(goldens)["salt"], name, module)


def fill_with_salt(salt: str, name: str, module: nn.Module) -> None:
    """As `fill`, under any salt: other weights of the same kind."""
    state = module.state_dict()
    drawn = {
        key: _value(salt, f"{name}.{key}", tuple(tensor.shape))
        for key, tensor in state.items()
        # The published diffusion holds its network under two names, and is drawn under the first.
        if not key.endswith("dct_mat") and not (name == "diffusion" and key.startswith("diffusion."))
    }
    for key in [key for key in drawn if key.endswith("weight_orig")]:
        stem = key.removesuffix("weight_orig")
        left = _value(salt, f"{name}.{stem}weight_u", tuple(state[stem + "weight_u"].shape), raw=True)
        drawn[stem + "weight_u"], drawn[stem + "weight_v"] = _singular_vectors(drawn[key], left)
    with torch.no_grad():
        for key, value in drawn.items():
            state[key].copy_(torch.from_numpy(value))


def _value(salt: str, full: str, shape: tuple[int, ...], raw: bool = False) -> NDArray[Any]:
    leaf = full.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    n = source(salt + full).standard_normal(shape).astype(np.float32)
    return n if raw else (_gain(full) * _by_kind(full, leaf, n) + _offset(full)).astype(np.float32)


def _by_kind(full: str, leaf: str, n: NDArray[Any]) -> NDArray[Any]:
    small = np.float32(0.02) * n
    if full == "predictor.duration_proj.linear_layer.bias":
        return np.float32(0.5) * n
    if leaf == "running_mean":
        return small
    if leaf == "running_var":
        return 1 + np.abs(small)
    if leaf == "weight_g" or re.search(r"(^|\.)alpha(s|1|2)\.\d+$", full):
        return 1 + small
    if n.ndim >= 2:
        return n / np.float32(np.sqrt(np.prod(n.shape[1:])))
    if leaf == "weights":
        return n
    return 1 + small if leaf in ("weight", "gamma") else small


def _gain(full: str) -> np.float32:
    """Of the exceptions that make durations, pitch and loudness those of speech."""
    gains = {
        "predictor.duration_proj.linear_layer.weight": 10,
        "predictor.F0_proj.weight": 40,
        "decoder.generator.conv_post.weight_g": 0.2,
    }
    return np.float32(gains.get(full, 1))


def _offset(full: str) -> np.float32:
    offsets = {"predictor.duration_proj.linear_layer.bias": -2.5, "predictor.F0_proj.bias": 120}
    return np.float32(offsets.get(full, 0))


def _singular_vectors(weight: NDArray[Any], left: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    matrix = weight.astype(np.float64).reshape(len(weight), -1)
    u = _unit(left.astype(np.float64))
    for _ in range(_POWER_ITERATIONS):
        v = _unit(matrix.T @ u)
        u = _unit(matrix @ v)
    return u.astype(np.float32), v.astype(np.float32)


def _unit(x: NDArray[Any]) -> NDArray[Any]:
    return x / max(float(np.linalg.norm(x)), 1e-12)


def check(goldens: Path, name: str, key: str, value: Tensor) -> None:
    """Assert that `value` is the output `key` of case `name` within its tolerance."""
    entry = manifest(goldens, name)["outputs"][key]
    got = value.detach().cpu().numpy()
    want = arrays(goldens, name)[f"out_{key}"]
    assert list(got.shape) == entry["shape"]
    sub = got.ravel()[:: entry["stride"]] if "stride" in entry else got
    if want.dtype.kind in "iub":
        np.testing.assert_array_equal(sub, want)
        return
    tolerance = entry["atol"]
    np.testing.assert_allclose(sub.astype(np.float64), want, rtol=0, atol=tolerance)
    whole = got.astype(np.float64)
    np.testing.assert_allclose(
        (whole.mean(), whole.std()), (entry["mean"], entry["std"]), rtol=0, atol=tolerance
    )
    norm = np.linalg.norm(whole)
    np.testing.assert_allclose(norm, entry["l2"], rtol=0, atol=tolerance * np.sqrt(whole.size))


def _json(goldens: Path, name: str) -> Any:
    return read_table(folder(goldens), name)
