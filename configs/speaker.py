"""Settings of the stage that describes who speaks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class SpeakerSettings(Section):
    """features.speaker"""

    backend: Literal["resemblyzer", "ecapa"] = Field(
        default="resemblyzer",
        description="Speaker encoder: resemblyzer (GE2E, weights in its wheel) or ecapa (speechbrain).",
    )
    model: str = Field(
        default="speechbrain/spkrec-ecapa-voxceleb", description="ecapa: hub id or local folder."
    )
    download: bool = Field(
        default=False, description="Whether the model may be fetched from the hub during a run."
    )
    reference_min_s: float = Field(
        default=3.0, ge=1.0, description="Shortest clip that may represent a speaker, seconds."
    )
    reference_max_s: float = Field(
        default=10.0, ge=2.0, description="Longest clip that may represent a speaker, seconds."
    )
