"""What trainings read of the stage `plan`: how long they train."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from configs.train import TrainSettings
from tasks.finetune.length import TrainingLength

PLAN_FILE = "plan.json"
"""Lengths by network."""
REASONS_FILE = "reasons.json"
"""Why, in numbers and codes: what `tasks.finetune.gpt_sovits.explanation` puts into words."""


def planned_length(
    files: Mapping[str, Mapping[str, Path]], network: str, settings: TrainSettings
) -> TrainingLength:
    """How long a stage that reads `plan.json` trains; limits in the settings hold whatever the plan says."""
    decisions = json.loads(files["plan"][PLAN_FILE].read_text(encoding="utf-8"))
    length = TrainingLength(**decisions[network])
    if length.train and (settings.max_steps is not None or settings.max_epochs is not None):
        return replace(length, max_steps=settings.max_steps, max_epochs=settings.max_epochs)
    return length
