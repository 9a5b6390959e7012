"""The networks of a StyleTTS 2 voice out of the files that its training wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from configs.errors import UserError
from models.layers.conv import fold_weight_norm
from models.published import read_table, require_fit, require_sizes
from models.styletts2.config import StyleTTS2Config
from models.styletts2.model import StyleTTS2
from models.styletts2.training import SYNTHESIS

SPEAKING = (*SYNTHESIS, "diffusion")
"""Networks that speaking needs, each in a file `NAME.safetensors`."""


def config_of(sizes: Mapping[str, Any]) -> StyleTTS2Config:
    """The sizes as `config.json` holds them.

    Raises:
        TypeError: one is not known.
        UserError: they contradict each other.
    """
    return StyleTTS2Config(**{name: _tuples(value) for name, value in sizes.items()})


def load_model(files: Mapping[str, Path], sizes: Mapping[str, Any]) -> StyleTTS2:
    """The networks for use: in evaluation mode, weight norm folded, not to be trained or saved.

    Args:
        files: Paths by file name.
        sizes: Every size.

    Raises:
        UserError: a file is missing, damaged or of another size than `sizes` says.
    """
    missing = [name for name in SPEAKING if f"{name}.safetensors" not in files]
    if missing:
        raise UserError(
            f"{missing[0]}.safetensors: is missing among the voice's networks; export the voice again"
        )
    paths = {name: files[f"{name}.safetensors"] for name in SPEAKING}
    weights = {name: read_table(path, "export the voice again") for name, path in paths.items()}
    require_sizes(sizes, str(paths[SPEAKING[0]]))
    with torch.device("meta"):
        claimed = StyleTTS2(config_of(sizes))
    for name, path in paths.items():
        require_fit(network_of(claimed, name).state_dict(), weights[name], str(path))
    # Not on the meta device: the bases of the Fourier transforms are in no file and must be made here.
    model = StyleTTS2(config_of(sizes))
    for name in SPEAKING:
        network_of(model, name).load_state_dict(weights[name])
    model.eval().requires_grad_(False)
    fold_weight_norm(model)
    return model


def network_of(model: StyleTTS2, name: str) -> nn.Module:
    """One of `SPEAKING`, in the model."""
    return model.diffusion.unet if name == "diffusion" else getattr(model, name)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
