"""Settings of the content stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section


class ContentSettings(Section):
    """What is said, apart from who says it: the features that semantic codes are made from."""

    backend: Literal["mfcc", "hubert"] = Field(
        "mfcc",
        description="`hubert` is what published GPT-SoVITS weights need; `mfcc` needs no weights and "
        "serves small voices trained from scratch.",
    )
    model: str = Field(
        "hubert",
        min_length=1,
        description="HuBERT: a name from `voicewright models list`, a local folder with config.json and "
        "weights, or a repository of the Hugging Face hub.",
    )
    revision: str = Field("main", min_length=1, description="HuBERT: hub revision.")
    weights_digest: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="HuBERT: SHA-256 of the weights file; checked when given.",
    )
    layer: int = Field(-1, ge=-25, le=24, description="HuBERT: hidden state that is taken; -1 is the last.")
    normalize: bool = Field(
        False,
        description="HuBERT: scale each clip to zero mean and unit variance first. GPT-SoVITS does not.",
    )
    mfcc_dim: int = Field(
        39, ge=12, le=120, description="mfcc: features per frame, a third each of value, slope, bend."
    )

    @model_validator(mode="after")
    def _thirds(self) -> ContentSettings:
        if self.mfcc_dim % 3:
            raise ValueError(f"mfcc_dim {self.mfcc_dim} must be a multiple of 3")
        return self
