"""Which settings each stage of StyleTTS 2 has: another stage's do not make it run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configs.train_styletts2 import STAGES, StyleTTS2TrainSettings

_OWN_FILES: Mapping[str, tuple[str, ...]] = {
    "stage1": ("pretrained_aligner", "pretrained_pitch"),
    "stage2": ("pretrained_bert",),
    "finetune": ("pretrained",),
}
"""Settings of weights that each stage reads; the others are none of its business."""


def declared(stage: str) -> tuple[str, ...]:
    """The paths of a stage's settings: `stage1`, `stage2` or `finetune`."""
    others = {name for name in STAGES if name != stage} | {"max_steps", "max_epochs"}
    others |= {name for each, names in _OWN_FILES.items() if each != stage for name in names}
    own = [name for name in StyleTTS2TrainSettings.model_fields if name not in others]
    return tuple(f"train.styletts2.{name}" for name in own)


def settings_of(view: Any, stage: str) -> StyleTTS2TrainSettings:
    """The declared settings of a stage as one section; the others are at their defaults.

    The result of stage 1 is no voice yet: its phases build on each other, and no score compares them. It
    hands on its last weights, unless it is to stop early.

    Args:
        view: `train.styletts2` as the stage sees it.
        stage: As for `declared`.
    """
    names = [path.rsplit(".", 1)[1] for path in declared(stage)]
    settings = StyleTTS2TrainSettings(**{name: getattr(view, name) for name in names})
    if stage == "stage1" and not settings.early_stop_patience:
        return settings.model_copy(update={"choose": "last"})
    return settings
