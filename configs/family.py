"""Settings of the voice family: what its models take as given."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section


class FamilySettings(Section):
    """The family's audio frame and symbols; GPT-SoVITS by default.

    These belong to the published weights: a voice fine-tuned from them needs exactly these values.
    """

    name: Literal["gpt-sovits"] = Field("gpt-sovits", description="Family of models.")
    sample_rate: int = Field(
        32_000, ge=8_000, le=48_000, description="Sample rate of training and output audio, Hz."
    )
    hop_samples: int = Field(640, ge=64, le=4_096, description="Samples between frames.")
    n_fft: int = Field(2_048, ge=256, le=8_192, description="Analysis window and FFT, samples.")
    n_mels: int = Field(128, ge=20, le=256, description="Mel bands.")
    mel_min_hz: float = Field(0.0, ge=0.0, description="Lower edge of the mel bands, Hz.")
    mel_max_hz: float | None = Field(
        None, gt=0.0, description="Upper edge of the mel bands, Hz; null is half the sample rate."
    )
    symbol_table: Literal["gpt-sovits-v1", "gpt-sovits-v2", "ipa"] = Field(
        "gpt-sovits-v2",
        description="Phone symbols of the text embedding. Languages that a GPT-SoVITS table does not "
        "cover use `ipa` and are trained from scratch.",
    )

    @model_validator(mode="after")
    def _frames_fit(self) -> FamilySettings:
        if self.hop_samples >= self.n_fft or (self.n_fft - self.hop_samples) % 2:
            raise ValueError(
                f"hop_samples {self.hop_samples} must be below n_fft {self.n_fft} by an even number"
            )
        if self.mel_max_hz is not None and not (self.mel_min_hz < self.mel_max_hz <= self.sample_rate / 2):
            raise ValueError(
                f"mel_max_hz {self.mel_max_hz} must lie between mel_min_hz {self.mel_min_hz} and half "
                f"the sample rate, {self.sample_rate / 2}"
            )
        return self
