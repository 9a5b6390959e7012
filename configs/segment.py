"""Settings of the stage that cuts recordings into utterances."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.base import Section


class SlicerSettings(Section):
    """GPT-SoVITS's slicer, by its own names and defaults."""

    threshold: float = Field(
        -34.0, ge=-100.0, le=0.0, description="Level below which a frame is silent, dBFS."
    )
    min_length: float = Field(
        4000.0, gt=0.0, description="A piece is at least this long before it is cut, milliseconds."
    )
    min_interval: float = Field(300.0, gt=0.0, description="Shortest silence that is cut, milliseconds.")
    hop_size: float = Field(10.0, ge=1.0, description="Distance of the frames, milliseconds.")
    max_sil_kept: float = Field(
        500.0, gt=0.0, description="Silence that a piece keeps at each end, at most, milliseconds."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_length >= self.min_interval >= self.hop_size <= self.max_sil_kept:
            raise ValueError(
                f"min_length = {self.min_length:g}, min_interval = {self.min_interval:g}, hop_size = "
                f"{self.hop_size:g}, max_sil_kept = {self.max_sil_kept:g}: need min_length >= "
                "min_interval >= hop_size and max_sil_kept >= hop_size"
            )
        return self


class SegmentSettings(Section):
    """corpus.segment"""

    method: Literal["pauses", "gpt-sovits"] = Field(
        "pauses",
        description="How recordings without text are cut: `pauses` weighs all pauses of the speech against "
        "the limits; `gpt-sovits` cuts silence as GPT-SoVITS's slicer does (every recording, also short "
        "ones), then what is still longer than max_s in its pauses.",
    )
    slicer: SlicerSettings = Field(SlicerSettings(), description="gpt-sovits: what it cuts.")
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
