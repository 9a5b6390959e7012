"""Networks that a training or an export wrote, read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from configs.errors import UserError
from models.published import read_table

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def sizes_as_json(config: Any) -> dict[str, Any]:
    """A model's sizes, a dataclass, as JSON values."""
    return json.loads(json.dumps(asdict(config)))


def sizes_from_json(sizes: dict[str, Any]) -> dict[str, Any]:
    """The reverse of `sizes_as_json`: arguments of a flat dataclass, lists as tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in sizes.items()}


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        UserError: the file is missing or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); export the voice again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no JSON object; export the voice again")
    return value


def load_network(make: Callable[[], ModuleT], weights: Path) -> ModuleT:
    """A network in evaluation mode, without gradients, whose every tensor comes out of a file.

    Args:
        make: Makes the network; called on the meta device, so it takes no memory.
        weights: A file of safetensors.

    Raises:
        UserError: the file is damaged or of another size.
    """
    with torch.device("meta"):
        module = make()
    try:
        module.load_state_dict(read_table(weights, "export the voice again"), strict=True, assign=True)
    except RuntimeError as error:
        raise UserError(
            f"{weights}: does not hold this network's weights ({error}); export the voice again"
        ) from error
    return module.eval().requires_grad_(False)
