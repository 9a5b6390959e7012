"""What the stage `train_sketch` wrote, read back to be spoken with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from models.sketch.model import Sketch, SketchConfig
from tasks.finetune.trained import load_network, read_json

CONFIG, WEIGHTS = "config.json", "sketch.safetensors"


class TrainedSketch(NamedTuple):
    """A trained network and what `config.json` tells of it."""

    model: Sketch
    description: Mapping[str, Any]


def read_trained(files: Mapping[str, Path]) -> TrainedSketch:
    """The network from the stage's files, by name.

    Raises:
        UserError: a file is missing or damaged.
    """
    description = read_json(files[CONFIG])
    make = partial(Sketch, SketchConfig(**description["sizes"]))
    return TrainedSketch(load_network(make, files[WEIGHTS]), description)
