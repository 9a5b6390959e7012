"""Settings of the stage train_sovits. Defaults are those of GPT-SoVITS's published recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section
from configs.train import ReferenceOrderSettings


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


class SovitsTrainSettings(ReferenceOrderSettings):
    """Training of the SoVITS generator and its discriminators."""

    version: Literal["v1", "v2", "v2Pro", "v2ProPlus"] = Field(
        default="v2", description="which published architecture to build"
    )
    pretrained: str | None = Field(
        default=None,
        min_length=1,
        description="published generator to start from: a name from `voicewright models list` or the path of "
        "an s2G file or of `sovits.safetensors` in an exported voice; null trains from scratch",
    )
    pretrained_discriminator: str | None = Field(
        default=None,
        min_length=1,
        description="published discriminators to start from: a name or the path of an s2D file; null starts "
        "them afresh, and says so where the generator is not fresh",
    )
    allow_fresh_posterior: bool = Field(
        default=False,
        description="train from a generator file that was made for synthesis and lacks the posterior "
        "encoder, which then starts afresh; false refuses such a file",
    )
    sizes: SovitsSizes = Field(default=SovitsSizes(), description="sizes that differ from it")
    freeze_quantizer: bool = Field(
        default=True,
        description="keep the quantiser (ssl_proj and codebook) as it starts: the published one, or k-means "
        "of the corpus's content features when training from scratch; false lets it follow the features, in "
        "one process only",
    )
    learning_rate: float = Field(default=1e-4, gt=0, description="AdamW's, of generator and discriminator")
    warmup_steps: int = Field(
        default=0,
        ge=0,
        description="steps over which the rates rise to their full value; the reference has none",
    )
    text_learning_rate_factor: float = Field(
        default=0.4, ge=0, description="of the text encoder, as a factor (text_low_lr_rate)"
    )
    learning_rate_decay: float = Field(
        default=0.999875, gt=0, le=1, description="factor of the learning rates per epoch"
    )
    betas: tuple[float, float] = Field(default=(0.8, 0.99), description="AdamW's averaging factors")
    epsilon: float = Field(default=1e-9, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(default=0.01, ge=0, description="AdamW's weight decay")
    clip_generator: float | None = Field(
        default=None,
        gt=0,
        description="gradient norm the generator is clipped to; null, like the reference, clips nothing",
    )
    clip_discriminator: float | None = Field(
        default=None,
        gt=0,
        description="gradient norm the discriminators are clipped to; null clips nothing",
    )
    weight_adversarial: float = Field(default=1.0, ge=0, description="of the adversarial loss")
    weight_feature_matching: float = Field(default=1.0, ge=0, description="of feature matching")
    weight_mel: float = Field(default=45.0, ge=0, description="of the mel distance")
    weight_kl: float = Field(default=1.0, ge=0, description="of the posterior's divergence")
    weight_kl_ssl: float = Field(default=1.0, ge=0, description="of the quantiser's commitment")
    sample_clips: int = Field(
        default=1,
        ge=0,
        description="held-out clips that are rendered to FLAC at a validation, through the posterior and "
        "through the prior; those of the first, the best and the last validation are kept. 0: none",
    )

    @model_validator(mode="after")
    def _discriminators_follow(self) -> SovitsTrainSettings:
        if self.pretrained_discriminator is not None and self.pretrained is None:
            raise ValueError(
                f"pretrained_discriminator = {self.pretrained_discriminator} needs pretrained, the generator "
                "that these discriminators were trained against"
            )
        return self
