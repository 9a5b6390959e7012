"""The synthesis path as ONNX files, each of which is run beside torch before it is written.

onnx/text.onnx, prosody.onnx, source.onnx, decoder.onnx    see `models.acoustics.onnx_graphs`

onnx and onnxscript are imported where they are needed: they take seconds, and few voices are exported so.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from artifacts.store import write_atomically
from configs.errors import UserError
from models.acoustics.generators import IstftGenerator
from models.acoustics.onnx_graphs import Graph, arguments, probe, synthesis_graphs, traceable
from models.acoustics.synthesis_parts import SynthesisParts

ONNX = "onnx"
"""Folder of the files inside a voice's."""

TRACED_TOKENS = 13
CHECKED_TOKENS = (9, 24)
"""Two lengths, neither of them the one that was traced."""

TOLERANCE = 1e-3
"""Largest difference from torch, of the audio and, relative to its largest value, of all else."""


MAX_TURNED = 1e-3
"""Share of phases that may be half a turn forth in place of half a turn back: their last digit decides."""


def write_onnx(parts: SynthesisParts, folder: Path) -> None:
    """Trace a model in evaluation mode, compare with torch and write the files into `folder`.

    Raises:
        UserError: a file would not compute what torch does; none is written.
    """
    graphs = synthesis_graphs(parts)
    traced = arguments(graphs, probe(parts, TRACED_TOKENS))
    write_checked({graph.name: to_onnx(graph, traced[graph.name]) for graph in graphs}, parts, folder)


def write_checked(files: Mapping[str, bytes], parts: SynthesisParts, folder: Path) -> None:
    """Write serialised graphs, by name, that compute what `parts` does. Raises as `write_onnx`."""
    graphs = synthesis_graphs(parts)
    for n_tokens in CHECKED_TOKENS:
        given = arguments(graphs, probe(parts, n_tokens))
        for graph in graphs:
            _compare(graph, files[graph.name], given[graph.name], parts, n_tokens)
    for name, data in files.items():
        write_atomically(folder / f"{name}.onnx", data)


def to_onnx(graph: Graph, traced: Sequence[Tensor]) -> bytes:
    """The graph as traced with those inputs; equal graphs give equal bytes."""
    from onnx_ir import serde

    with torch.no_grad(), _quiet():
        program = torch.export.export(
            traceable(graph.module), tuple(traced), dynamic_shapes=graph.dynamic, strict=False
        )
        exported = torch.onnx.export(
            program,
            dynamo=True,
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_shapes=graph.dynamic,
            custom_translation_table={torch.ops.aten.atan2.default: _atan2},
            verbose=False,
        )
    assert exported is not None
    _forget_origin(exported.model)
    return serde.serialize_model(exported.model).SerializeToString(deterministic=True)


def run_onnx(data: bytes, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Outputs of a serialised graph, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(given))


def _compare(
    graph: Graph, data: bytes, given: Sequence[Tensor], parts: SynthesisParts, n_tokens: int
) -> None:
    # With gradients torch takes the layout of training, so the graph is compared with the other of its paths.
    with torch.enable_grad():
        out = graph.module(*given)
    wanted = [x.detach().numpy() for x in (out if isinstance(out, tuple) else (out,))]
    got = run_onnx(data, dict(zip(graph.inputs, (x.numpy() for x in given), strict=True)))
    for name, ours, theirs in zip(graph.outputs, wanted, got, strict=True):
        if name == "frames":
            continue  # durations made whole; between two frames the last digit decides
        turned = 0.0
        if name == "har" and isinstance(parts.decoder.generator, IstftGenerator):
            turned = float(np.mean(np.abs(ours - theirs) > np.pi))
            ours, theirs = _spectrum(ours), _spectrum(theirs)
        if ours.shape != theirs.shape:
            problem = f"shape {theirs.shape} in place of {ours.shape}"
        elif turned > MAX_TURNED:
            problem = f"{turned:.1%} of its values are a whole turn off"
        else:
            scale = 1.0 if name == "wave" else max(1.0, float(np.abs(ours).max()))
            error = float(np.abs(ours - theirs).max()) / scale
            if error <= TOLERANCE:
                continue
            problem = f"a difference of {error:.2g}, where {TOLERANCE:g} is allowed"
        raise UserError(
            f"{graph.name}.onnx: its output {name} for {n_tokens} tokens is not what torch computes: "
            f"{problem}. No ONNX file was written; set release.export.onnx: false to export the voice without"
        )


def _atan2(y: Any, x: Any) -> Any:
    """The operator in ONNX's terms; the exporter's own takes -pi for +pi where `y` is 0 and `x` below.

    So is every first and last bin of a short transform, and the decoder would hear another source than in
    training. Where both are 0, so is the angle.
    """
    from onnxscript import opset18 as op

    def constant(value: float) -> Any:
        like: Any = op.Constant(value_float=value)
        return op.CastLike(like, x)

    smallest, half_turn, zero = constant(1e-37), constant(np.pi), constant(0.0)
    angle = op.Atan(op.Div(op.Abs(y), op.Max(op.Abs(x), smallest)))
    angle = op.Where(op.Less(x, zero), op.Sub(half_turn, angle), angle)
    return op.Where(op.Less(y, zero), op.Neg(angle), angle)


def _spectrum(har: NDArray[Any]) -> NDArray[Any]:
    """Magnitudes and phases [1, 2 bins, F] as complex numbers: half a turn forth is half a turn back."""
    magnitude, phase = np.split(har, 2, axis=1)
    return magnitude * np.exp(1j * phase)


def _forget_origin(model: Any) -> None:
    """Drop what tracing notes about source lines: paths of this machine, and half of a small file."""
    for graph in model.graphs():
        graph.metadata_props.clear()
        for node in graph:
            node.metadata_props.clear()
            node.doc_string = None
            for value in node.outputs:
                value.metadata_props.clear()
        for value in (*graph.inputs, *graph.initializers.values()):
            value.metadata_props.clear()
    model.metadata_props.clear()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's words on deprecations inside torch, and on a torchvision it can do without."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
