"""The networks of a StyleTTS 2 voice out of the files that its training wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.errors import UserError
from models.layers.conv import fold_weight_norm
from models.published import read_table
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
    # Not on the meta device: the bases of the Fourier transforms are in no file and must be made here.
    model = StyleTTS2(config_of(sizes))
    for name in SPEAKING:
        file = f"{name}.safetensors"
        if file not in files:
            raise UserError(f"{file}: is missing among the voice's networks; export the voice again")
        network = model.diffusion.unet if name == "diffusion" else getattr(model, name)
        try:
            network.load_state_dict(read_table(files[file], "export the voice again"), strict=True)
        except RuntimeError as error:
            raise UserError(
                f"{files[file]}: does not hold this network's weights ({error}); export the voice again"
            ) from error
    model.eval().requires_grad_(False)
    fold_weight_norm(model)
    return model


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
