"""A small network as kokoro-onnx exports and onnxruntime quantises it; not a graph that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from torch import nn

from models.kokoro.model import Kokoro

_FLOAT_CONVOLUTIONS = ("pool", "ups", "conv_post")
_AT_ROOT = ("F0", "N", "F0_proj", "N_proj", "shared")
_GATES_OF_TORCH = [0, 3, 1, 2]


class Export:
    """Nodes and constants as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.steps: dict[str, float] = {}
        """The largest error that quantising a weight may have made, by the name of its module."""

    def constant(self, name: str, values: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def node(self, kind: str, name: str, inputs: list[str]) -> str:
        output = f"{name}_output_0"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name))
        return output

    def integer_product(
        self, kind: str, path: str, own: str, weight: np.ndarray, per_channel: bool, biased: bool
    ) -> None:
        """The weight times what a text brings, both as integers; then back to floats."""
        axis = 1 if kind == "MatMulInteger" else 0
        dtype, lowest = (np.int8, -128) if per_channel else (np.uint8, 0)
        axes = tuple(at for at in range(weight.ndim) if at != axis) if per_channel else None
        low, high = np.minimum(weight.min(axes), 0), np.maximum(weight.max(axes), 0)
        scale = np.maximum((high - low) / 255, 1e-12).astype(np.float32)
        zero = np.round(lowest - low / scale).astype(dtype)
        quantised = np.clip(np.round(weight / scale + zero), lowest, lowest + 255).astype(dtype)
        self.steps[own] = float(np.max(scale))
        inputs = [
            f"{path}_dynamic",
            self.constant(f"{path}_quantized", quantised),
            f"{path}_dynamic_zero",
            self.constant(f"{path}_zero", zero),
        ]
        made = self.node(kind, f"{path}_quant", inputs)
        if biased:
            made = self.node("Add", f"{path}_bias", [made, f"{path}_bias_reshaped"])
        made = self.node("Cast", f"{path}_cast", [made])
        scales = self.node(
            "Mul", f"{path}_scales", [f"{path}_dynamic_scale", self.constant(f"{path}_scale", scale)]
        )
        self.node("Mul", f"{path}_back", [made, scales])

    def embedding(self, path: str, own: str, weight: np.ndarray) -> None:
        low, high = float(weight.min()), float(weight.max())
        scale = np.float32((high - low) / 255)
        zero = np.int8(np.round(-128 - low / scale))
        quantised = np.clip(np.round(weight / scale + zero), -128, 127).astype(np.int8)
        self.steps[own] = float(scale)
        made = self.node(
            "Gather", f"{path}_quant", [self.constant(f"{own}.weight_quantized", quantised), "tokens"]
        )
        scaled = [made, self.constant(f"{path}_scale", scale), self.constant(f"{path}_zero", zero)]
        self.node("DequantizeLinear", f"{path}_back", scaled)

    def lstm(self, path: str, own: str, layer: nn.LSTM) -> None:
        quantised, scales, zeros, biases = {}, {}, {}, []
        state = {name: value.detach().numpy() for name, value in layer.state_dict().items()}
        for kind in ("ih", "hh"):
            both = np.stack(
                [_onnx_gates(state[f"weight_{kind}_l0{suffix}"]).T for suffix in ("", "_reverse")]
            )
            scale = (np.abs(both).max((1, 2)) / 127).astype(np.float32)
            quantised[kind] = np.round(both / scale[:, None, None]).astype(np.int8)
            scales[kind], zeros[kind] = scale, np.zeros(2, np.int8)
            self.steps[f"{own}.weight_{kind}_l0"] = float(scale.max())
            self.steps[f"{own}.weight_{kind}_l0_reverse"] = float(scale.max())
        for suffix in ("", "_reverse"):
            biases.append(
                np.concatenate([_onnx_gates(state[f"bias_{kind}_l0{suffix}"]) for kind in ("ih", "hh")])
            )
        name = self.constant
        inputs = [
            *(f"{path}_x", name(f"{path}_W", quantised["ih"]), name(f"{path}_R", quantised["hh"])),
            *(name(f"{path}_B", np.stack(biases)), "", f"{path}_h", f"{path}_c", ""),
            *(name(f"{path}_W_scale", scales["ih"]), name(f"{path}_W_zero", zeros["ih"])),
            *(name(f"{path}_R_scale", scales["hh"]), name(f"{path}_R_zero", zeros["hh"])),
        ]
        self.node("DynamicQuantizeLSTM", f"{path}/LSTM_quant", inputs)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "small", [], [], list(self.constants.values()))
        return helper.make_model(graph)


def export(model: Kokoro) -> Export:
    """The whole network."""
    made = Export()
    for own, module in model.named_modules():
        if own.startswith("bert.pooler"):
            continue
        path, biased = node_path(own), getattr(module, "bias", None) is not None
        if isinstance(module, nn.LSTM):
            made.lstm(path, own, module)
        elif isinstance(module, nn.Embedding):
            made.embedding(f"{path}/Gather", own, module.weight.detach().numpy())
        elif isinstance(module, nn.Linear) and own.endswith("l_linear"):
            made.node("MatMul", f"{path}/MatMul", ["sines", made.constant(f"onnx::{own}", _weight(module).T)])
        elif isinstance(module, nn.Linear):
            made.integer_product("MatMulInteger", f"{path}/MatMul", own, _weight(module).T, True, False)
        elif isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
            kind = "ConvTranspose" if isinstance(module, nn.ConvTranspose1d) else "Conv"
            if any(part in _FLOAT_CONVOLUTIONS for part in own.split(".")):
                made.steps[own] = 1e-6
                inputs = [f"{path}_x", made.constant(f"{path}/Mul_output_0", _weight(module))]
                made.node(kind, f"{path}/{kind}", inputs)
            else:
                made.integer_product("ConvInteger", f"{path}/Conv", own, _weight(module), False, biased)
    for own, value in model.state_dict().items():
        told = (
            own.endswith(("weight_g", "weight_v", "l_linear.weight")) or own.rpartition(".")[0] in made.steps
        )
        if own.endswith("bias") or not (told or "_l0" in own or own.startswith("bert.pooler")):
            made.constant(f"{_half(own)}.{own}", value.numpy())
    return made


def save(made: Export, path: Path) -> Path:
    """Write it."""
    path.write_bytes(made.model().SerializeToString())
    return path


def node_path(own: str) -> str:
    """A module of `Kokoro` as the exporter names it by the way from module to module."""
    parts = own.split(".")
    if parts[0] == "predictor" and len(parts) > 1 and parts[1] in _AT_ROOT:
        parts = parts[1:]
    return "/" + "/".join([_half(own), *_steps(parts)])


def _steps(parts: list[str]) -> Iterator[str]:
    last = ""
    for at, part in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else ""
        if part.isdigit():
            last = f"{last}.{part}"
            yield last
        else:
            last = part
            # A list of modules is no module of its own; a sequence of them is.
            if not following.isdigit() or part == "asr_res":
                yield part


def _half(own: str) -> str:
    return "decoder" if own.startswith("decoder") else "encoder"


def _weight(module: nn.Module) -> np.ndarray:
    state = module.state_dict()
    if "weight_v" in state:
        v, g = state["weight_v"], state["weight_g"]
        return (v * (g / v.flatten(1).norm(dim=1).view(g.shape))).numpy()
    return state["weight"].numpy()


def _onnx_gates(values: np.ndarray) -> np.ndarray:
    """torch's i, f, c, o as ONNX's i, o, f, c."""
    return np.concatenate([np.split(values, 4)[gate] for gate in _GATES_OF_TORCH])
