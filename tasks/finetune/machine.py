"""Where and how precisely a network trains."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from configs.compute import ComputeSettings
from models.layers.precision import computes_in_bf16
from tasks.device import BatchT, chosen_device, placed
from tasks.finetune.distributed import current_ranks


@dataclass(frozen=True)
class Machine:
    """Where and how precisely to compute.

    Attributes:
        device: Of weights and batches.
        bf16: Whether forward passes run in bfloat16 where that is safe.
    """

    device: torch.device
    bf16: bool

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision as configured; enter around forward passes and losses.

        There is no loss scaler: bfloat16 has the exponents of float32, so a gradient that float32 can hold
        does not vanish in it. Scaling is for float16, whose smallest values lie near 6e-8.
        """
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16)

    def place(self, batch: BatchT) -> BatchT:
        """A batch (a NamedTuple) with its tensors on the device."""
        return placed(batch, self.device)


def choose_machine(compute: ComputeSettings, bf16_on_cpu: bool = False) -> Machine:
    """Resolve `auto`; one of several processes gets the device that it has made its own.

    Args:
        compute: What is asked for.
        bf16_on_cpu: Whether the work takes bf16 where a CPU has units for it; it does on CUDA devices.

    Raises:
        UserError: a CUDA device is asked for and there is none.
    """
    device = chosen_device(compute.device).type
    is_fast = device == "cuda" or (bf16_on_cpu and computes_in_bf16(torch.device(device)))
    bf16 = compute.precision == "bf16" or (compute.precision == "auto" and is_fast)
    ranks = current_ranks()
    return Machine(torch.device(ranks.device if ranks.device.startswith(device) else device), bf16)
