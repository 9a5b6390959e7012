"""Half precision: where it pays, and arithmetic that it would ruin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

from models.layers.cpu.capabilities import capabilities

BF16_UNITS = ("amx_bf16", "avx512_bf16")
"""Of CPUs that multiply in bfloat16, by the names that Linux and torch have for them."""


@contextmanager
def full_precision(x: Tensor) -> Iterator[None]:
    """No autocast inside: spectra, exponentials and searches are useless in half precision."""
    with torch.autocast(x.device.type, enabled=False):
        yield


def spoken_dtype(wanted: Literal["auto", "fp32", "bf16"], device: torch.device) -> torch.dtype | None:
    """What a decoder computes in while speaking; None is that of its weights."""
    in_bf16 = wanted == "bf16" or (wanted == "auto" and computes_in_bf16(device))
    return torch.bfloat16 if in_bf16 else None


def computes_in_bf16(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are much faster than in float32.

    They are on GPUs, and on CPUs with AMX or AVX512_BF16: about twice with the latter (an EPYC, measured).
    """
    if device.type != "cpu":
        return True
    told = capabilities()
    return any(told.get(units, False) for units in BF16_UNITS)
