"""Arithmetic that half precision would ruin."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def full_precision(x: Tensor) -> Iterator[None]:
    """No autocast inside: spectra, exponentials and searches are useless in half precision."""
    with torch.autocast(x.device.type, enabled=False):
        yield
