"""Settings of the stage that describes who speaks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section

_ECAPA = "speechbrain/spkrec-ecapa-voxceleb"


class SpeakerSettings(Section):
    """features.speaker"""

    backend: Literal["resemblyzer", "ecapa", "wavlm"] = Field(
        default="resemblyzer",
        description="Speaker encoder: resemblyzer (GE2E, weights in its wheel), ecapa (speechbrain), or "
        "wavlm: the hidden states of a WavLM or HuBERT, mean and spread over the clip. Nobody is taken for a "
        "stranger by wavlm unless corpus.screen.min_speaker_similarity is set.",
    )
    model: str = Field(
        default=_ECAPA,
        min_length=1,
        description="ecapa, wavlm: a name from `voicewright models list`, a hub id or a local folder.",
    )
    download: bool = Field(
        default=False, description="ecapa: whether the model may be fetched from the hub during a run."
    )
    reference_min_s: float = Field(
        default=3.0, ge=1.0, description="Shortest clip that may represent a speaker, seconds."
    )
    reference_max_s: float = Field(
        default=10.0, ge=2.0, description="Longest clip that may represent a speaker, seconds."
    )

    @model_validator(mode="after")
    def _model_is_the_backends(self) -> SpeakerSettings:
        if self.backend == "wavlm" and self.model == _ECAPA:
            raise ValueError("backend = wavlm needs a model of its own: set model: microsoft/wavlm-base-plus")
        return self
