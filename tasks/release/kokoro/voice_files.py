"""A Kokoro voice out of its exported folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.family import FamilySettings
from configs.release import KokoroSpeakSettings
from models.kokoro.upstream import load_kokoro, read_voice
from models.layers.conv import fold_weight_norm
from tasks.release.kokoro.voice import PUBLISHED_LEAD_S, KokoroVoice, SpeakerTable

FAMILY = "kokoro"
CONFIG_FILE = "config.json"
TABLES = "voices"
"""Folder of the speakers' tables inside the voice's, by the name that Kokoro's repository gives it."""


def load_kokoro_voice(folder: Path, described: Mapping[str, Any]) -> KokoroVoice:
    """The voice that `voice.json` describes.

    Raises:
        UserError: a file is damaged, or of another vocabulary or size than `config.json` says.
        KeyError, TypeError, ValidationError: the description is not complete.
    """
    model = load_kokoro(
        _own(folder, described, described["networks"][FAMILY]["weights"]), folder / CONFIG_FILE
    )
    references = {
        name: SpeakerTable(name, "", read_voice(_own(folder, described, speaker["table"]), model.config))
        for name, speaker in described["speakers"].items()
    }
    model.requires_grad_(False)
    fold_weight_norm(model)
    from_scratch = described["networks"][FAMILY].get("from_scratch", True)
    return KokoroVoice(
        model=model,
        family=FamilySettings.model_validate(described["frame"]),
        languages=tuple(described["languages"]),
        references=references,
        default_speaker=described["default_speaker"],
        manner=KokoroSpeakSettings.model_validate(described["synthesize"]),
        lead_s=0.0 if from_scratch else PUBLISHED_LEAD_S,
    )


def _own(folder: Path, described: Mapping[str, Any], name: str) -> Path:
    """A file whose digest was checked; KeyError for any other."""
    described["digests"][name]
    return folder / name
