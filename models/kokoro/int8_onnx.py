"""Kokoro's weights out of its quantised ONNX export, dequantised: Kokoro-82M less what int8 took.

The graph is not run. Its nodes are named by the modules that they come from, so a weight's place is that of
the node which multiplies with it; its scale is the constant in the Mul behind, its zero point the node's own.
What was not quantised lies among the initialisers under the module's name.

Source: the release of kokoro-onnx, `kokoro-v1.0.int8.onnx`, as onnxruntime's dynamic quantisation left it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs.errors import UserError

SUFFIX = ".onnx"
LARGEST_BYTES = 1 << 30
"""The export has 92 MB."""
UNUSED = "bert.pooler"
"""What the export leaves out since nothing speaks with it: zero here."""

_AT_ROOT = ("F0", "N", "F0_proj", "N_proj", "shared")
"""Modules of the predictor whose nodes leave its name out."""
_OPERATION = re.compile(r"/(Conv|ConvTranspose|MatMul|Gemm_MatMul|Gather|LSTM)(_quant)?$")
_REPEATED = re.compile(r"_\d+$")
"""Marks the second and later use of one layer, as ALBERT has them."""
_GATES = [0, 2, 3, 1]
"""ONNX orders an LSTM's gates i, o, f, c; torch i, f, c, o."""

Array = NDArray[Any]


class _Graph(NamedTuple):
    """What is looked up in a graph.

    Attributes:
        nodes: In the graph's order.
        constants: Initialisers by name, not yet as arrays.
        readers: Nodes by what they read.
        writers: Nodes by what they write.
    """

    nodes: tuple[Any, ...]
    constants: Mapping[str, Any]
    readers: Mapping[str, list[Any]]
    writers: Mapping[str, Any]

    def array(self, name: str) -> Array:
        """A constant's values; ValueError where there are none."""
        from onnx import numpy_helper

        constant = self.constants.get(name)
        if constant is None:
            raise ValueError(f"{name or 'a weight'} is no constant")
        if constant.external_data or constant.data_location:
            raise ValueError(f"{name} lies outside the file")
        return np.asarray(numpy_helper.to_array(constant))


def read_int8_onnx(path: Path, wanted: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """The weights of a quantised export, as float32 under the names that `Kokoro` gives them.

    Args:
        wanted: Names and shapes of the network's weights; what else the file holds is left out.

    Raises:
        UserError: the file is missing, damaged, no such export, or lacks a weight; onnx is not installed.
    """
    graph = _read(path)
    try:
        found = dict(_weights(graph))
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise UserError(f"{path}: is no quantised export of Kokoro ({error}); get the file again") from error
    weights: dict[str, Tensor] = {}
    for name, shape in wanted.items():
        if name.startswith(UNUSED):
            weights[name] = torch.zeros(shape)
        elif name.endswith("_g"):
            weights |= _weight_norm(name.removesuffix("_g"), found)
        elif not name.endswith("_v") and name in found:
            values = np.array(found[name], dtype=np.float32)
            weights[name] = torch.from_numpy(values).reshape(_same_size(values, shape))
    missing = sorted(wanted.keys() - weights.keys())
    if missing:
        raise UserError(
            f"{path}: holds no {missing[0]} and lacks {len(missing)} of {len(wanted)} weights; give "
            "kokoro-v1.0.int8.onnx"
        )
    return weights


def _read(path: Path) -> _Graph:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: needs the package onnx to be read; pip install onnx") from error
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError(f"{path}: has {path.stat().st_size} bytes, as no export of Kokoro has")
        graph = onnx.load_model_from_string(path.read_bytes()).graph
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); get the file again") from error
    except DecodeError as error:
        raise UserError(f"{path}: is cut short, damaged or no ONNX file; get the file again") from error
    readers: dict[str, list[Any]] = {}
    writers: dict[str, Any] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
        writers |= dict.fromkeys(node.output, node)
    return _Graph(tuple(graph.node), {one.name: one for one in graph.initializer}, readers, writers)


def _weights(graph: _Graph) -> Iterator[tuple[str, Array]]:
    """Weights by the names of their modules, weight-normed ones under plain `weight`."""
    for name, constant in graph.constants.items():
        if constant.data_type == 1 and not name.startswith(("/", "onnx::")):
            yield _own_name(name), graph.array(name)
    for node in graph.nodes:
        module = _module(node.name)
        if module is None:
            continue
        if node.op_type == "ConvInteger":
            yield f"{module}.weight", _dequantised(graph, node)
        elif node.op_type == "MatMulInteger" and node.input[1] in graph.constants:
            yield f"{module}.weight", _dequantised(graph, node).T
        elif node.op_type in ("Conv", "ConvTranspose"):
            yield f"{module}.weight", graph.array(node.input[1])
        elif node.op_type == "MatMul" and node.input[1] in graph.constants:
            yield f"{module}.weight", graph.array(node.input[1]).T
        elif node.op_type == "DynamicQuantizeLSTM":
            yield from _lstm(graph, node, module)
        elif node.op_type == "Gather" and node.input[0] in graph.constants and node.name.endswith("_quant"):
            yield f"{module}.weight", _embedding(graph, node)


def _module(node: str) -> str | None:
    """The module of a node, by `Kokoro`'s names; None for nodes that hold no weight."""
    if not _OPERATION.search(node):
        return None
    path: list[str] = []
    for part in _OPERATION.sub("", node).strip("/").split("/"):
        if path and part.startswith(f"{path[-1]}."):
            path[-1] = part
        else:
            path.append(part)
    if any(_REPEATED.search(part) for part in path):
        return None
    return _own_name(".".join(path))


def _own_name(name: str) -> str:
    """A name of the graph as one of ours: without the halves that the export cut the network into."""
    half, _, rest = name.partition(".")
    if half == "decoder":
        return rest
    if half == "encoder":
        return f"predictor.{rest}" if rest.split(".")[0] in _AT_ROOT else rest
    return name


def _dequantised(graph: _Graph, node: Any) -> Array:
    """The weight of an integer product: its scale is in the Mul behind, together with the input's."""
    (cast,) = graph.readers[node.output[0]]
    if cast.op_type == "Add":  # of the bias, still among integers
        (cast,) = graph.readers[cast.output[0]]
    (product,) = graph.readers[cast.output[0]]
    (scales,) = [graph.writers[name] for name in product.input if name != cast.output[0]]
    (scale,) = [name for name in scales.input if name in graph.constants]
    return _scaled(graph.array(node.input[1]), graph.array(node.input[3]), graph.array(scale))


def _scaled(quantised: Array, zero: Array, scale: Array) -> Array:
    if np.broadcast_shapes(quantised.shape, np.shape(zero), np.shape(scale)) != quantised.shape:
        raise ValueError("a scale of another shape than its weight")
    return (quantised.astype(np.float32) - np.asarray(zero, np.float32)) * scale


def _embedding(graph: _Graph, node: Any) -> Array:
    (back,) = graph.readers[node.output[0]]
    return _scaled(graph.array(node.input[0]), graph.array(back.input[2]), graph.array(back.input[1]))


def _lstm(graph: _Graph, node: Any, module: str) -> Iterator[tuple[str, Array]]:
    """Both directions; the file has [directions, inputs, 4 hidden] and both biases behind one another."""
    biases = graph.array(node.input[3])
    for kind, at, scale, zero in (("ih", 1, 8, 9), ("hh", 2, 10, 11)):
        quantised, zeros, scales = (graph.array(node.input[place]) for place in (at, zero, scale))
        for direction, suffix in enumerate(("", "_reverse")):
            weight = _scaled(quantised[direction], zeros[direction], scales[direction])
            yield f"{module}.weight_{kind}_l0{suffix}", _torch_gates(weight.T)
            half = np.split(biases[direction], 2)[at - 1]
            yield f"{module}.bias_{kind}_l0{suffix}", _torch_gates(half)


def _torch_gates(values: Array) -> Array:
    return np.concatenate([np.split(values, 4)[gate] for gate in _GATES])


def _weight_norm(module_weight: str, found: Mapping[str, Array]) -> dict[str, Tensor]:
    """`weight` as g v / |v|; a channel that int8 left nothing of has g = 0, and any v but 0."""
    if module_weight not in found:
        return {}
    v = torch.from_numpy(np.array(found[module_weight], dtype=np.float32))
    g = v.flatten(1).norm(dim=1)
    v[g == 0] = 1.0
    return {f"{module_weight}_v": v, f"{module_weight}_g": g.view(-1, *[1] * (v.ndim - 1))}


def _same_size(values: Array, shape: torch.Size) -> torch.Size | tuple[int, ...]:
    """The shape wanted where it is but written differently; else the file's own, which will not fit."""
    return shape if values.size == shape.numel() else values.shape
