"""Batched matrix products by the faster of the two libraries that PyTorch has for a CPU.

Products of full matrices go to MKL, which leaves AVX-512 unused on processors that are not Intel's; oneDNN,
which convolves, uses it everywhere and is twice as fast there (measured on an EPYC, one and two threads).
Which of them computes decides the last bits only.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from models.layers.cpu.capabilities import capabilities


def batched_product(a: Tensor, b: Tensor) -> Tensor:
    """[N, M, K] and [N, K, P] -> [N, M, P]; gradients are not followed."""
    product = _onednn_product() if a.dtype == torch.float32 and a.device.type == "cpu" else None
    if product is None:
        return torch.bmm(a, b)
    out = a.new_empty(len(a), a.shape[1], b.shape[2])
    for one, left, right in zip(out, a, b, strict=True):
        one.copy_(product(left, right.mT, None, "none", [], ""))
    return out


def mkl_is_slow(told: Mapping[str, Any]) -> bool:
    """Whether MKL leaves half of a processor unused, by what `capabilities` tells of it."""
    return bool(told.get("avx512_f")) and "intel" not in str(told.get("cpu_name", "")).lower()


@functools.cache
def _onednn_product() -> Callable[..., Tensor] | None:
    """[M, K] and [P, K] -> [M, P], or None where MKL is as fast or PyTorch is built without oneDNN.

    PyTorch's own compiler calls this operator for layers on a CPU; it has no public name.
    """
    if not mkl_is_slow(capabilities()) or not torch.backends.mkldnn.is_available():
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)
