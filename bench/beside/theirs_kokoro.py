"""The official `kokoro` package at work on the exported files that ours reads too."""

from __future__ import annotations

import json

import torch

from bench.beside import shapes
from bench.beside.shapes import Asked, Works
from tests.models.kokoro.official import official_model


def works(asked: Asked) -> Works:
    """Speaking the prepared phonemes."""
    model = official_model(asked.shared / "kokoro.pth", asked.shared / "kokoro.json")
    said = json.loads((asked.shared / "said.json").read_text(encoding="utf-8"))
    row = torch.tensor([said["row"]])
    return {shapes.WHOLE: lambda: model(said["phonemes"], row, said["speed"])}
