"""Settings of the voice family: what its models take as given."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section
from configs.frames import family_names, frame_of

_STYLETTS2_MEL = {"sample_rate": 24_000, "hop_samples": 300, "n_fft": 2_048, "n_mels": 80}


class FamilySettings(Section):
    """The family's audio frame and symbols; GPT-SoVITS by default.

    These belong to the published weights: a voice fine-tuned from them needs exactly these values.
    """

    name: str = Field("gpt-sovits", description=f"Family of models: {', '.join(family_names())}.")
    sample_rate: int = Field(
        32_000, ge=8_000, le=48_000, description="Sample rate of training and output audio, Hz."
    )
    hop_samples: int = Field(640, ge=64, le=4_096, description="Samples between frames.")
    n_fft: int = Field(2_048, ge=256, le=8_192, description="Analysis window and FFT, samples.")
    n_mels: int = Field(128, ge=20, le=256, description="Mel bands.")
    mel: Literal["slaney", "styletts2"] = Field(
        "slaney",
        description="Definition of the mel spectrogram: `slaney` is GPT-SoVITS's; `styletts2` is that of "
        "StyleTTS 2 and Kokoro, whose bands do not lie where their names say.",
    )
    mel_min_hz: float = Field(0.0, ge=0.0, description="Lower edge of the mel bands, Hz.")
    mel_max_hz: float | None = Field(
        None, gt=0.0, description="Upper edge of the mel bands, Hz; null is half the sample rate."
    )
    edge_silence_samples: int = Field(
        0,
        ge=0,
        le=24_000,
        description="Digital silence on both sides of every clip before its frames are counted. StyleTTS 2 "
        "and Kokoro learned with 5000.",
    )
    symbol_table: Literal["gpt-sovits-v1", "gpt-sovits-v2", "ipa"] = Field(
        "gpt-sovits-v2",
        description="Phone symbols of the text embedding. Languages that a GPT-SoVITS table does not "
        "cover use `ipa` and are trained from scratch.",
    )
    character_table: str | None = Field(
        None,
        description="Characters that StyleTTS 2 and Kokoro read, made from the phones of `ipa`; each family "
        "has its own, and null belongs to GPT-SoVITS.",
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

    @model_validator(mode="after")
    def _mel_is_the_published_one(self) -> FamilySettings:
        wanted = frame_of(self.name).mel
        if self.mel != wanted:
            raise ValueError(f"mel = {self.mel}: the family {self.name} reads another; set mel: {wanted}")
        if self.mel == "slaney":
            if self.edge_silence_samples:
                raise ValueError(
                    f"edge_silence_samples = {self.edge_silence_samples}: only the mel styletts2 has silence "
                    "on both sides; set edge_silence_samples: 0"
                )
            return self
        for field, value in _STYLETTS2_MEL.items():
            if (found := getattr(self, field)) != value:
                raise ValueError(
                    f"{field} = {found}: the mel styletts2 has {value}, and no weights fit another; set "
                    f"{field}: {value} (recordings of any rate are resampled to sample_rate)"
                )
        if (self.mel_min_hz, self.mel_max_hz) != (0.0, None):
            raise ValueError(
                f"mel_min_hz = {self.mel_min_hz}, mel_max_hz = {self.mel_max_hz}: the bands of the mel "
                "styletts2 are fixed; leave both out"
            )
        return self

    @model_validator(mode="after")
    def _symbols_are_the_familys(self) -> FamilySettings:
        wanted = frame_of(self.name).character_table
        if self.character_table != wanted:
            raise ValueError(
                f"character_table = {self.character_table or 'null'}: the family {self.name} would learn "
                f"nonsense from it; set character_table: {wanted or 'null'}"
            )
        if wanted and self.symbol_table != "ipa":
            raise ValueError(
                f"symbol_table = {self.symbol_table}: the characters of {self.name} are made from IPA; set "
                "symbol_table: ipa"
            )
        return self
