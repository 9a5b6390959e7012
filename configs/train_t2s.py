"""Settings of the stage train_t2s. Defaults are those of GPT-SoVITS's published recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section
from configs.train import TrainSettings


class T2sSizes(Section):
    """Sizes of the text-to-semantic decoder; null keeps the published version's."""

    width: int | None = Field(default=None, ge=2, description="channels of the transformer")
    n_heads: int | None = Field(default=None, ge=1, description="attention heads")
    n_layers: int | None = Field(default=None, ge=1, description="transformer layers")
    feed_forward: int | None = Field(default=None, ge=2, description="feed-forward channels")
    dropout: float | None = Field(default=None, ge=0, lt=1, description="dropout probability")


class T2sTrainSettings(TrainSettings):
    """Training of the text-to-semantic decoder."""

    version: Literal["v1", "v2"] = Field(default="v2", description="which published architecture to build")
    pretrained: str | None = Field(
        default=None,
        description="published decoder to start from: a name from `voicewright models list` or the path of "
        "an s1 file; null trains from scratch",
    )
    sizes: T2sSizes = Field(default=T2sSizes(), description="sizes that differ from it")
    max_phones: int = Field(default=540, ge=1, description="clips with more phones are refused")
    min_phones_per_s: float = Field(
        default=3.0, ge=0, description="slower clips are refused, phones per second"
    )
    max_phones_per_s: float = Field(
        default=25.0, gt=0, description="faster clips are refused, phones per second"
    )
    learning_rate: float = Field(default=2e-4, gt=0, description="AdamW's, after the warm-up")
    final_learning_rate: float = Field(
        default=2e-5, ge=0, description="where the cosine decay ends at the last step"
    )
    warmup_steps: int = Field(default=20, ge=0, description="steps of linear rise")
    betas: tuple[float, float] = Field(default=(0.9, 0.95), description="AdamW's averaging factors")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's weight decay")
    clip: float = Field(default=1.0, gt=0, description="gradient norm the decoder is clipped to")
