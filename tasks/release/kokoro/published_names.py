"""Which of Kokoro's published voices are on this machine; asking reads no table."""

from __future__ import annotations

from pathlib import Path

from models.kokoro.voice_names import known_names, language_of
from tasks.weights import LocalWeights

WEIGHTS, VOICES = "kokoro-82m", "kokoro-voices"
"""Entries of `configs.weights`."""


def published_names(weights: LocalWeights) -> dict[str, str]:
    """Names of the voices that can be spoken with, each with the code of its first language."""
    if weights.find(WEIGHTS) is None:
        return {}
    return {name: language_of({name: 1.0}) for name in known_names(voices_folder(weights))}


def voices_folder(weights: LocalWeights) -> Path | None:
    """The folder of voices, fetched alone or beside the weights as their repository has them."""
    for entry in (VOICES, WEIGHTS):
        found = weights.find(entry)
        if found is not None and (found / "voices").is_dir():
            return found / "voices"
    return None
