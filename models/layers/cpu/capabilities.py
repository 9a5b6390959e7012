"""What the processor can do, as PyTorch tells it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch


def capabilities() -> Mapping[str, Any]:
    """Instruction sets by name, and `cpu_name`; empty where PyTorch is too old to be asked."""
    asked: Callable[[], Mapping[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return asked()
