"""Settings of the linguistic stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class LinguisticSettings(Section):
    """Features of the text's meaning, one vector per phone."""

    backend: Literal["zeros", "bert"] = Field(
        "zeros",
        description="`bert` for Chinese as published GPT-SoVITS weights expect; other languages are "
        "always zeros.",
    )
    model: str = Field(
        "roberta",
        min_length=1,
        description="BERT: a name from `voicewright models list`, a local folder with config.json, "
        "vocab.txt and weights, or a repository of the Hugging Face hub.",
    )
    revision: str = Field("main", min_length=1, description="BERT: hub revision.")
    weights_digest: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="BERT: SHA-256 of the weights file; checked when given.",
    )
    layer: int = Field(-3, ge=-25, le=24, description="BERT: hidden state that is taken.")
    dim: int = Field(1_024, ge=8, le=4_096, description="Size of a vector.")
