"""A Sketch voice out of its exported folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.family import FamilySettings
from configs.train_sketch import SketchSpeakSettings
from tasks.finetune.sketch.trained import CONFIG, WEIGHTS, read_trained
from tasks.release.sketch.voice import SketchVoice, Speaker


def load_sketch(folder: Path, described: Mapping[str, Any]) -> SketchVoice:
    """The voice that `voice.json` describes.

    Raises:
        UserError: a file is damaged.
        KeyError, TypeError, ValidationError: the description is not complete.
    """
    return SketchVoice(
        model=read_trained({name: folder / name for name in (CONFIG, WEIGHTS)}).model,
        family=FamilySettings.model_validate(described["frame"]),
        languages=tuple(described["languages"]),
        references={name: Speaker(name) for name in described["speakers"]},
        default_speaker=described["default_speaker"],
        manner=SketchSpeakSettings.model_validate(described["synthesize"]),
    )
