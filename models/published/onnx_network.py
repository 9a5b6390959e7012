"""Published networks that are run as ONNX files, by onnxruntime."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def run_network(path: Path, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first output of a network for its inputs by name; read once, and run on one thread of a CPU."""
    found: NDArray[np.float32] = _session(str(path)).run(None, inputs)[0]
    return found


@lru_cache(maxsize=4)
def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
