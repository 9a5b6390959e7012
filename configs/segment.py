"""Settings of the stage that cuts recordings into utterances."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from configs.base import Section


class SegmentSettings(Section):
    """corpus.segment"""

    min_s: float = Field(1.0, ge=0.3, le=10.0, description="Shortest segment that is cut, seconds.")
    max_s: float = Field(12.0, ge=2.0, le=60.0, description="Longest segment that is cut, seconds.")
    pad_s: float = Field(
        0.4,
        ge=0.0,
        le=2.0,
        description="Silence kept around speech, seconds; less beside a near neighbour.",
    )
    split_pause_s: float = Field(
        0.3,
        ge=0.1,
        le=5.0,
        description="A pause this long is cut wherever the limits allow, seconds.",
    )
    clip_max_s: float = Field(
        30.0, ge=1.0, le=60.0, description="Longest recording with its own text that stays one clip, seconds."
    )
    clip_min_s: float = Field(0.4, ge=0.1, le=5.0, description="Shorter clips are rejected, seconds.")
    edge_silence_s: float = Field(
        0.5,
        ge=0.0,
        le=10.0,
        description="Outer silence of a clip longer than this is cut down to edge_margin_s, seconds.",
    )
    edge_margin_s: float = Field(
        0.2, ge=0.0, le=2.0, description="Silence that trimming leaves around a clip, seconds."
    )

    @model_validator(mode="after")
    def _limits_leave_room(self) -> Self:
        if self.max_s < 2 * self.min_s:
            raise ValueError(
                f"max_s = {self.max_s:g} must be at least twice min_s = {self.min_s:g}: "
                "else some stretches have no permitted cut"
            )
        if self.edge_silence_s < self.edge_margin_s:
            raise ValueError(
                f"edge_silence_s = {self.edge_silence_s:g} must not be below edge_margin_s = "
                f"{self.edge_margin_s:g}, the silence that trimming leaves"
            )
        return self
