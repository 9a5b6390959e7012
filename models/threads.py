"""Threads of PyTorch's arithmetic on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def arithmetic_threads(count: int) -> Iterator[None]:
    """A fixed number of torch threads: how sums are shared decides their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
