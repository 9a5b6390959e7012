"""Settings of the two training stages. Defaults are those of GPT-SoVITS's published recipes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section


class SovitsSizes(Section):
    """Sizes of generator and discriminator; null keeps the published version's."""

    latent_channels: int | None = Field(default=None, ge=2, description="channels of the latent")
    hidden_channels: int | None = Field(default=None, ge=2, description="channels of the encoders")
    filter_channels: int | None = Field(
        default=None, ge=2, description="channels inside the text encoder's feed-forward layers"
    )
    n_heads: int | None = Field(default=None, ge=1, description="attention heads of the encoders")
    text_layers: int | None = Field(default=None, ge=1, description="layers of the text encoder")
    content_layers: int | None = Field(
        default=None, ge=1, description="layers before and again after text is attended to"
    )
    mrte_channels: int | None = Field(
        default=None, ge=2, description="channels of the attention from content to text"
    )
    mrte_heads: int | None = Field(default=None, ge=1, description="heads of that attention")
    style_hidden: int | None = Field(default=None, ge=2, description="channels of the style encoder")
    style_bins: int | None = Field(
        default=None, ge=1, description="lowest spectrogram bins that the style encoder reads"
    )
    style_channels: int | None = Field(default=None, ge=2, description="size of the style vector")
    posterior_layers: int | None = Field(
        default=None, ge=1, description="WaveNet layers of the posterior encoder"
    )
    flow_layers: int | None = Field(default=None, ge=1, description="WaveNet layers per coupling")
    n_flows: int | None = Field(default=None, ge=1, description="couplings of the flow")
    codebook_size: int | None = Field(default=None, ge=2, description="semantic codes")
    upsample_initial: int | None = Field(
        default=None, ge=2, description="channels of the vocoder before its first upsampling"
    )
    upsample_rates: tuple[int, ...] | None = Field(
        default=None,
        description="upsampling factors of the vocoder; their product is family.hop_samples",
    )
    upsample_kernels: tuple[int, ...] | None = Field(
        default=None, description="kernel size of each upsampling"
    )
    resblock_kernels: tuple[int, ...] | None = Field(
        default=None, description="kernel sizes of the vocoder's parallel residual blocks"
    )
    discriminator_periods: tuple[int, ...] | None = Field(
        default=None, description="periods, in samples, of the discriminators"
    )
    discriminator_divisor: int | None = Field(
        default=None, ge=1, description="divides every channel count of the discriminators"
    )
    segment_frames: int | None = Field(
        default=None, ge=4, description="spectrogram frames that the vocoder trains on at a time"
    )


class T2sSizes(Section):
    """Sizes of the text-to-semantic decoder; null keeps the published version's."""

    width: int | None = Field(default=None, ge=2, description="channels of the transformer")
    n_heads: int | None = Field(default=None, ge=1, description="attention heads")
    n_layers: int | None = Field(default=None, ge=1, description="transformer layers")
    feed_forward: int | None = Field(default=None, ge=2, description="feed-forward channels")
    dropout: float | None = Field(default=None, ge=0, lt=1, description="dropout probability")


class TrainSettings(Section):
    """What every training stage can be told."""

    max_steps: int | None = Field(
        default=None, ge=1, description="optimiser steps at most; null: max_epochs decides alone"
    )
    max_epochs: int | None = Field(
        default=None, ge=1, description="passes through the training clips at most"
    )
    batch_size: int = Field(default=4, ge=1, description="clips per batch")
    accumulate: int = Field(default=1, ge=1, description="batches per optimiser step")
    max_clip_s: float = Field(default=54.0, gt=0, description="longer clips are refused, by name, seconds")
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay per step of the weight average that becomes the voice; 0: last weights",
    )
    log_every_steps: int = Field(
        default=10, ge=1, description="steps that one point of the loss curve averages"
    )
    validate_every_steps: int = Field(default=100, ge=0, description="steps between validations; 0: never")
    validation_clips: int = Field(
        default=8, ge=0, description="held-out clips that a validation measures, at most"
    )
    checkpoint_every_steps: int = Field(default=100, ge=1, description="steps that a killed run can lose")
    early_stop_patience: int = Field(
        default=0,
        ge=0,
        description="validations without improvement after which training ends; 0: never",
    )
    max_skipped_in_a_row: int = Field(
        default=3,
        ge=0,
        description="steps with a non-finite loss or gradient that are skipped before failing",
    )
    cache_mb: int = Field(default=2048, ge=0, description="memory for decoded training clips, MiB")

    @model_validator(mode="after")
    def _has_an_end(self) -> TrainSettings:
        if self.max_steps is None and self.max_epochs is None:
            raise ValueError("max_steps and max_epochs are both null: set one, e.g. max_epochs: 8")
        if self.early_stop_patience and not (self.validate_every_steps and self.validation_clips):
            raise ValueError(
                f"early_stop_patience = {self.early_stop_patience} needs validate_every_steps and "
                "validation_clips above 0"
            )
        return self


class SovitsTrainSettings(TrainSettings):
    """Training of the SoVITS generator and its discriminators."""

    version: Literal["v1", "v2"] = Field(default="v2", description="which published architecture to build")
    sizes: SovitsSizes = Field(default=SovitsSizes(), description="sizes that differ from it")
    max_epochs: int | None = Field(default=8, ge=1, description="passes through the training clips at most")
    freeze_quantizer: bool = Field(
        default=True,
        description="keep the codebook as it starts (k-means of the corpus's content features when "
        "training from scratch); false lets it follow the features",
    )
    learning_rate: float = Field(default=1e-4, gt=0, description="of generator and discriminator")
    text_learning_rate_factor: float = Field(
        default=0.4, ge=0, description="of the text encoder, as a factor (text_low_lr_rate)"
    )
    learning_rate_decay: float = Field(
        default=0.999875, gt=0, le=1, description="factor of the learning rate per epoch"
    )
    betas: tuple[float, float] = Field(default=(0.8, 0.99), description="AdamW's averaging factors")
    epsilon: float = Field(default=1e-9, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's weight decay")
    clip_generator: float = Field(
        default=1000.0, gt=0, description="gradient norm the generator is clipped to"
    )
    clip_discriminator: float = Field(
        default=1000.0, gt=0, description="gradient norm the discriminators are clipped to"
    )
    weight_adversarial: float = Field(default=1.0, ge=0, description="of the adversarial loss")
    weight_feature_matching: float = Field(default=1.0, ge=0, description="of feature matching")
    weight_mel: float = Field(default=45.0, ge=0, description="of the mel distance")
    weight_kl: float = Field(default=1.0, ge=0, description="of the posterior's divergence")
    weight_kl_ssl: float = Field(default=1.0, ge=0, description="of the quantiser's commitment")


class T2sTrainSettings(TrainSettings):
    """Training of the text-to-semantic decoder."""

    version: Literal["v1", "v2"] = Field(default="v2", description="which published architecture to build")
    sizes: T2sSizes = Field(default=T2sSizes(), description="sizes that differ from it")
    max_epochs: int | None = Field(default=15, ge=1, description="passes through the training clips at most")
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
