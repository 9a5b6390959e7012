"""Settings of Sketch: how it trains and how it speaks."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section
from configs.train import TrainSettings


class SketchTrainSettings(TrainSettings):
    """train.sketch"""

    width: int = Field(default=128, ge=8, le=1024, description="channels of its layers")
    lr: float = Field(default=2e-3, gt=0, description="learning rate")
    max_tokens: int = Field(default=512, ge=8, description="clips with more characters are refused")
    sample_clips: int = Field(default=2, ge=0, description="held-out clips rendered at a validation")


class SketchSpeakSettings(Section):
    """release.sketch"""

    clips: int = Field(default=4, ge=1, description="held-out clips to render, at most")
    speed: float = Field(default=1.0, gt=0.25, lt=4, description="above 1 is faster")
    pause_s: float = Field(default=0.2, ge=0, le=5, description="between sentences, seconds")
