"""Settings of the stage that measures utterances."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class MeasureSettings(Section):
    """corpus.measure: only hopeless utterances are rejected here; screening judges the rest."""

    silent_dbfs: float = Field(
        default=-72.0, description="An utterance whose loudest 10 ms stay below this is silent, dBFS."
    )
    min_speech_s: float = Field(
        default=0.2, ge=0.0, description="Less speech than this is no utterance, seconds."
    )
