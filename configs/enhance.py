"""Settings of the stage that cleans and levels utterances."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class EnhanceSettings(Section):
    """corpus.enhance: everything is off by default, and utterances pass unchanged."""

    denoise: bool = Field(
        default=False,
        description="Remove steady noise by spectral gating (noisereduce); it also takes some of the voice.",
    )
    denoise_strength: float = Field(
        default=0.7, gt=0.0, le=1.0, description="Share of the gated noise that is removed."
    )
    loudness_lufs: float | None = Field(
        default=None,
        ge=-50.0,
        le=-8.0,
        description="Level every utterance to this loudness, LUFS (ITU-R BS.1770); null leaves it.",
    )
    true_peak_dbfs: float = Field(
        default=-1.0,
        ge=-12.0,
        le=-0.1,
        description="Highest true peak (4x oversampled) left by processing, dBFS; gain yields to it.",
    )
