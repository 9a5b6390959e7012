"""Which of StyleTTS 2's published voices are on this machine; asking reads no weights."""

from __future__ import annotations

from tasks.weights import LocalWeights

VERSIONS = ("ljspeech", "libritts")
LANGUAGE = "en-us"
"""Of the recordings that all of them learnt from."""


def entry_of(version: str) -> str:
    """The entry of `configs.weights` that holds a version."""
    return f"styletts2-{version}"


def published_names(weights: LocalWeights) -> dict[str, str]:
    """Names of the voices that can be spoken with, each with the code of its language."""
    return {name: LANGUAGE for name in VERSIONS if weights.find(entry_of(name)) is not None}
