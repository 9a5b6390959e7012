"""A StyleTTS 2 voice out of its exported folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from configs.family import FamilySettings
from configs.release import StyleTTS2SpeakSettings
from tasks.release.styletts2.networks import load_model
from tasks.release.styletts2.voice import StyleReference, StyleTTS2Voice
from tasks.release.voice_folder import read_reference

NETWORKS = "networks"
"""Folder of the networks' files inside the voice's."""


def load_styletts2(folder: Path, described: Mapping[str, Any]) -> StyleTTS2Voice:
    """The voice that `voice.json` describes.

    Raises:
        UserError: a file is damaged.
        KeyError, TypeError, ValidationError: the description is not complete.
    """
    files = {path.name: path for path in (folder / NETWORKS).glob("*.safetensors")}
    voice = StyleTTS2Voice(
        model=load_model(files, described["networks"]["styletts2"]["sizes"]),
        family=FamilySettings.model_validate(described["frame"]),
        languages=tuple(described["languages"]),
        references={},
        default_speaker=described["default_speaker"],
        manner=StyleTTS2SpeakSettings.model_validate(described["synthesize"]),
    )
    return replace(
        voice,
        references={name: _reference(voice, folder, name, s) for name, s in described["speakers"].items()},
    )


def _reference(voice: StyleTTS2Voice, folder: Path, name: str, speaker: Mapping[str, Any]) -> StyleReference:
    samples = np.asarray(read_reference(folder, speaker["reference"]).samples, dtype=np.float32)
    return StyleReference(
        speaker=name,
        utterance_id=speaker["utterance_id"],
        text=speaker["text"],
        language=speaker["language"],
        samples=samples,
        style=voice.style_of(samples),
    )
