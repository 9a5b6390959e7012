"""Thresholds that decide which utterances a voice is trained on."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from configs.base import Section


class ScreenSettings(Section):
    """corpus.screen"""

    min_snr_db: float = Field(default=8.0, description="Lowest signal-to-noise ratio as recorded, dB.")
    warn_snr_db: float = Field(
        default=15.0, description="Below this signal-to-noise ratio a warning is given, dB."
    )
    max_reverberation_s: float = Field(
        default=0.7,
        gt=0.0,
        description="Longest reverberation, seconds in which a room's sound falls by 60 dB.",
    )
    warn_reverberation_s: float = Field(
        default=0.5,
        gt=0.0,
        description="Above this reverberation a warning is given, seconds; dry recordings measure .2 to .4.",
    )
    max_clipping_ratio: float = Field(
        default=0.01, ge=0.0, le=1.0, description="Largest share of samples clipped at full scale."
    )
    warn_clipping_ratio: float = Field(
        default=0.001, ge=0.0, le=1.0, description="Above this share of clipped samples a warning is given."
    )
    min_bandwidth_hz: float = Field(
        default=3000.0,
        ge=0.0,
        description="Lowest bandwidth of the recorded voice, Hz; 4000 excludes telephone.",
    )
    warn_bandwidth_hz: float = Field(
        default=5000.0, ge=0.0, description="Below this bandwidth a warning is given, Hz."
    )
    max_silence_ratio: float = Field(
        default=0.7, ge=0.0, le=1.0, description="Largest share of the utterance without speech."
    )
    min_speech_s: float = Field(default=0.3, ge=0.0, description="Least speech in an utterance, seconds.")
    min_phones_per_s: float = Field(
        default=3.0, ge=0.0, description="Slowest speaking rate, phones per second of speech."
    )
    max_phones_per_s: float = Field(
        default=30.0, gt=0.0, description="Fastest speaking rate, phones per second of speech."
    )
    warn_level_offset_db: float = Field(
        default=15.0,
        gt=0.0,
        description="A warning is given this far from the speaker's median loudness, dB.",
    )
    min_speaker_similarity: float | None = Field(
        default=None,
        ge=-1.0,
        le=1.0,
        description="An utterance is a speaker outlier only below this cosine to the speaker's centroid "
        "(null: 0.72 for resemblyzer, 0.35 for ecapa, never for wavlm)...",
    )
    speaker_mads: float = Field(
        default=5.0, gt=0.0, description="...and this many robust deviations below the speaker's median."
    )
    alignment_mads: float = Field(
        default=4.5,
        gt=0.0,
        description="Text and audio disagree where the alignment score lies this many robust deviations "
        "below the median of its backend...",
    )
    alignment_margin: float = Field(
        default=2.5,
        gt=0.0,
        description="...and at least this far below it (mean log-likelihood per frame).",
    )
    max_loud_silence_ratio: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Largest share of aligned silence that is loud."
    )
    max_word_error_rate: float = Field(
        default=0.7,
        ge=0.0,
        description="Largest word error rate of recognition against given text; of characters, in scripts "
        "without spaces.",
    )
    min_utterances: int = Field(
        default=1, ge=1, description="Fewer accepted utterances than this stop the run."
    )
    max_reject_ratio: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="If more than this share of the utterances is rejected the run stops with a table.",
    )

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        for low, high in (
            ("min_snr_db", "warn_snr_db"),
            ("warn_reverberation_s", "max_reverberation_s"),
            ("warn_clipping_ratio", "max_clipping_ratio"),
            ("min_bandwidth_hz", "warn_bandwidth_hz"),
            ("min_phones_per_s", "max_phones_per_s"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(
                    f"{low} = {getattr(self, low):g} must not exceed {high} = {getattr(self, high):g}"
                )
        return self
