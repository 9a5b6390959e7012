"""The device that networks compute on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

from configs.errors import UserError

BatchT = TypeVar("BatchT", bound=tuple)
CPU = torch.device("cpu")


def chosen_device(asked: str, setting: str = "compute.device") -> torch.device:
    """Resolve `auto`.

    Args:
        asked: `auto` is a CUDA device where there is one, else the CPU; `cpu` or `cuda`.
        setting: What asks, for messages.

    Raises:
        UserError: a CUDA device is asked for and there is none.
    """
    count = torch.cuda.device_count() if asked != "cpu" else 0
    if asked == "cuda" and not count:
        raise UserError(f"{setting} = cuda: no CUDA device is found; use auto or cpu")
    return torch.device("cuda" if count else "cpu")


def placed(batch: BatchT, device: torch.device) -> BatchT:
    """A batch (a NamedTuple) with its tensors on a device."""
    if device.type == "cpu":
        return batch
    moved = {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in batch._asdict().items()  # type: ignore[attr-defined]
    }
    return type(batch)(**moved)


@contextmanager
def full_fp32() -> Iterator[None]:
    """On a GPU, convolutions in float32 as on a CPU, not in TF32: features then differ by rounding alone."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield
