"""Trained networks to files and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from configs.errors import UserError
from models.layers.conv import fold_weight_norm
from models.published import read_table, require_sizes
from models.sovits.config import SovitsConfig
from models.sovits.model import SovitsGenerator
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def sizes_as_json(config: Any) -> dict[str, Any]:
    """A model's sizes, a dataclass, as JSON values."""
    return json.loads(json.dumps(asdict(config)))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        UserError: the file is missing or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); export the voice again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no JSON object; export the voice again")
    return value


def load_generator(weights: Path, sizes: dict[str, Any]) -> SovitsGenerator:
    """The SoVITS generator for use: in evaluation mode, weight norm folded, not to be trained or saved.

    Raises:
        UserError: the file is damaged or of another size than `sizes` says.
    """
    require_sizes(sizes, str(weights))
    config = SovitsConfig(**_tuples(sizes))
    with torch.device("meta"):
        generator = SovitsGenerator(config)
    filled = _filled(generator, weights)
    fold_weight_norm(filled)
    return filled


def load_decoder(weights: Path, sizes: dict[str, Any]) -> TextToSemantic:
    """The text-to-semantic decoder, in evaluation mode.

    Raises:
        UserError: as `load_generator`.
    """
    require_sizes(sizes, str(weights))
    config = T2SConfig(**_tuples(sizes))
    with torch.device("meta"):
        decoder = TextToSemantic(config)
    return _filled(decoder, weights)


def _filled(module: ModuleT, weights: Path) -> ModuleT:
    try:
        module.load_state_dict(read_table(weights, "export the voice again"), strict=True, assign=True)
    except RuntimeError as error:
        raise UserError(
            f"{weights}: does not hold this network's weights ({error}); export the voice again"
        ) from error
    return module.eval().requires_grad_(False)


def _tuples(sizes: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in sizes.items()}
