"""Reads tests/goldens: one packed file of arrays per family of models, and tables beside it."""

from __future__ import annotations

import functools
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load


def read_arrays(folder: Path, case: str) -> dict[str, NDArray[Any]]:
    """The arrays of one case of a family by their names."""
    start = f"{case}/"
    packed = _packed(folder).items()
    return {key.removeprefix(start): array.copy() for key, array in packed if key.startswith(start)}


def read_table(folder: Path, name: str) -> Any:
    """`NAME`, a JSON file, or `NAME.xz`."""
    packed = folder / f"{name}.xz"
    if packed.exists():
        return json.loads(lzma.decompress(packed.read_bytes()))
    return json.loads((folder / name).read_bytes())


@functools.cache
def _packed(folder: Path) -> dict[str, NDArray[np.generic]]:
    return load(lzma.decompress((folder / "arrays.safetensors.xz").read_bytes()))
