"""Settings of the stage fit_kokoro: a voice for Kokoro as it is published. The recipe is ours."""

from __future__ import annotations

from pydantic import Field

from configs.base import Section
from configs.train import TrainSettings


class KokoroFitLossSettings(Section):
    """Weight of each loss."""

    lambda_mel: float = Field(default=5.0, ge=0, description="multi-resolution spectral distance")
    lambda_speaker: float = Field(
        default=5.0, ge=0, description="one less the similarity of what is said to the speaker's recordings"
    )
    lambda_f0: float = Field(
        default=0.3,
        ge=0,
        description="distance of the pitch in semitones, where recording and voice have one",
    )
    lambda_norm: float = Field(default=0.5, ge=0, description="energy (N)")
    lambda_length: float = Field(default=0.3, ge=0, description="L1 of a clip's whole duration, per token")
    lambda_mix: float = Field(
        default=0.05, ge=0, description="squared distance of the shares from those of the first mix"
    )
    lambda_offset: float = Field(
        default=0.02, ge=0, description="squared length of the vector beside the mix: what holds it back"
    )


class KokoroFitSettings(TrainSettings):
    """Fitting a voice to published Kokoro: a mix of official voices, then a vector and decoder biases."""

    pretrained: str = Field(
        default="kokoro-82m",
        min_length=1,
        description="the published weights: `kokoro-82m`, a .pth file with config.json beside it, the .onnx "
        "file of the export to int8, or a folder of them",
    )
    voices: str | None = Field(
        default="kokoro-voices",
        min_length=1,
        description="folder of official voices to mix, as `kokoro-voices` is; null mixes the six that come "
        "along",
    )
    pretrained_voices: str | None = Field(
        default=None,
        min_length=1,
        description="file `networks/voices.safetensors` of an exported Kokoro voice, whose speakers fitting "
        "goes on from, with the decoder beside it; null begins with the mix of official voices that is "
        "nearest to the recordings",
    )
    mix_steps: int | None = Field(
        default=None,
        ge=0,
        description="steps in which the shares of official voices alone learn; null: by the amount of speech",
    )
    vector_steps: int | None = Field(
        default=None, ge=0, description="steps after them in which the vector learns too; null: by the amount"
    )
    batch_size: int = Field(default=1, ge=1, description="clips per batch")
    crop_s: float = Field(
        default=1.75, ge=1.65, le=10, description="what the decoder says of a clip in a step, seconds"
    )
    compared_clips: int = Field(
        default=2, ge=1, description="clips that official voices are compared on for the first mix"
    )
    mix_lr: float = Field(
        default=0.01, gt=0, description="learning rate of the shares at first; it falls to 0 with the steps"
    )
    vector_lr: float = Field(default=0.02, gt=0, description="of the vector, which falls alike")
    decoder_lr: float = Field(
        default=0.02,
        ge=0,
        description="of the biases of the decoder's styled norms, which learn with the vector where the "
        "voice has one speaker, and fall alike; 0 leaves the decoder as published",
    )
    validate_every_steps: int = Field(default=25, ge=0, description="steps between validations; 0: never")
    validation_clips: int = Field(default=3, ge=0, description="held-out clips that a validation measures")
    recogniser: str | None = Field(
        default="whisper-base",
        min_length=1,
        description="recogniser that hears validation clips, a folder or a name from `models list`; where it "
        "is not on this machine, or with null, versions are compared without what is understood of them",
    )
    early_stop_patience: int = Field(
        default=3,
        ge=0,
        description="validations without a better score (similarity, spectral distance and words misheard of "
        "held-out clips) after which fitting ends; 0: never",
    )
    checkpoint_every_steps: int = Field(default=10, ge=1, description="steps that a killed run can lose")
    max_clip_s: float = Field(default=30.0, gt=0, description="longer clips are refused, by name, seconds")
    max_tokens: int = Field(
        default=512, ge=3, le=512, description="clips with more tokens are refused, pads counted"
    )
    losses: KokoroFitLossSettings = KokoroFitLossSettings()
    sample_clips: int = Field(
        default=1, ge=0, description="held-out clips that are rendered to FLAC at a validation"
    )
