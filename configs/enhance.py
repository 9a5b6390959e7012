"""Settings of the stage that cleans and levels utterances."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section


class EnhanceSettings(Section):
    """corpus.enhance: everything is off by default, and utterances pass unchanged."""

    denoise: bool = Field(
        default=False,
        description="Remove noise by DeepFilterNet 3 (the extra `denoise`) from utterances that are noisy as "
        "recorded; what screening judges stays the recording's own measure.",
    )
    denoise_below_db: float = Field(
        default=20.0,
        description="Only utterances with a signal-to-noise ratio below this are cleaned, dB: of cleaner "
        "ones it would take more than it gives.",
    )
    denoise_limit_db: float = Field(
        default=100.0, gt=0.0, le=100.0, description="Noise is turned down by at most this much, dB."
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
