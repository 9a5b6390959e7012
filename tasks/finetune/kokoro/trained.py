"""What the stage `train_kokoro` wrote, read back to be spoken with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from configs.errors import UserError
from models.kokoro.config import config_from_json
from models.kokoro.model import Kokoro
from models.kokoro.upstream import CHILDREN
from models.published import read_table
from tasks.finetune.trained import read_json

CONFIG = "config.json"
VOICES = "voices.safetensors"
"""File of the voices [rows, 1, width], one tensor per speaker's name."""
DECODER_FILE = "decoder.safetensors"
SPEAKING_FILES = (*(f"{child}.safetensors" for child in CHILDREN), VOICES, CONFIG)
"""The files that a voice is read from, of those that the stage wrote."""


class TrainedKokoro(NamedTuple):
    """A trained model with its voices."""

    model: Kokoro
    """In evaluation mode, without gradients, on the CPU."""
    voices: Mapping[str, Tensor]
    """[rows, 1, width] by speaker."""
    description: Mapping[str, Any]
    """What `config.json` holds."""


def read_trained(files: Mapping[str, Path]) -> TrainedKokoro:
    """The model and its voices from the stage's files, by name; SPEAKING_FILES of them are read.

    Raises:
        UserError: a file is missing or damaged.
    """
    try:
        description = read_json(files[CONFIG])
        # Not on the meta device: the bases of the Fourier transforms are in no file and must be made here.
        model = Kokoro(config_from_json(description["sizes"]))
        voices = read_table(files[VOICES], "run the stage again")
        for child in CHILDREN:
            weights = read_table(files[f"{child}.safetensors"], "run the stage again")
            getattr(model, child).load_state_dict(weights, assign=True)
    except (KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"train_kokoro: its files cannot be read ({error}); run the stage again") from error
    return TrainedKokoro(model.eval().requires_grad_(False), voices, description)
