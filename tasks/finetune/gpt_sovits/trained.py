"""Trained networks of GPT-SoVITS, read back to be spoken with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.layers.conv import fold_weight_norm
from models.published import require_sizes
from models.sovits.config import SovitsConfig
from models.sovits.model import SovitsGenerator
from models.t2s.config import T2SConfig
from models.t2s.model import TextToSemantic
from tasks.finetune.trained import load_network, sizes_from_json


def read_generator(weights: Path, sizes: dict[str, Any]) -> SovitsGenerator:
    """The SoVITS generator as it was trained, in evaluation mode.

    Raises:
        UserError: the file is damaged or of another size than `sizes` says.
    """
    require_sizes(sizes, str(weights))
    config = SovitsConfig(**sizes_from_json(sizes))
    return load_network(lambda: SovitsGenerator(config), weights)


def load_generator(weights: Path, sizes: dict[str, Any]) -> SovitsGenerator:
    """The same for use: weight norm folded, not to be trained or saved."""
    generator = read_generator(weights, sizes)
    fold_weight_norm(generator)
    return generator


def load_decoder(weights: Path, sizes: dict[str, Any]) -> TextToSemantic:
    """The text-to-semantic decoder, in evaluation mode.

    Raises:
        UserError: as `read_generator`.
    """
    require_sizes(sizes, str(weights))
    config = T2SConfig(**sizes_from_json(sizes))
    return load_network(lambda: TextToSemantic(config), weights)
