"""Settings of the stages train_styletts2_*. Defaults are those of StyleTTS 2's published recipes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section
from configs.train import TrainSettings
from configs.train_acoustic import AcousticSizes, FallingRates, ListeningSettings, SpeechModelSettings

STAGES = ("stage1", "stage2", "finetune")

TrainedModule = Literal[
    "bert",
    "bert_encoder",
    "predictor",
    "decoder",
    "text_encoder",
    "predictor_encoder",
    "style_encoder",
    "diffusion",
    "text_aligner",
    "mpd",
    "msd",
    "wd",
]
"""Networks that some phase trains, by their names in a checkpoint."""


class StyleTTS2Sizes(AcousticSizes):
    """Sizes of the networks; null keeps the preset's."""

    style_dim_in: int | None = Field(
        default=None, ge=4, description="width of the style encoders' first layer"
    )
    style_max_dim: int | None = Field(
        default=None, ge=4, description="width at which the style encoders stop to grow"
    )
    diffusion_layers: int | None = Field(
        default=None, ge=1, description="layers of the style diffusion's transformer"
    )
    diffusion_heads: int | None = Field(default=None, ge=1, description="its attention heads")
    diffusion_head_features: int | None = Field(default=None, ge=2, description="width of each of them")
    aligner_hidden: int | None = Field(default=None, ge=8, description="width of the aligner's convolutions")
    aligner_layers: int | None = Field(default=None, ge=1, description="convolution blocks of the aligner")
    aligner_attention: int | None = Field(default=None, ge=4, description="width of the aligner's attention")
    aligner_embedding: int | None = Field(default=None, ge=4, description="width of its token embedding")
    aligner_location_channels: int | None = Field(
        default=None, ge=2, description="channels of its location features"
    )
    pitch_channels: tuple[int, ...] | None = Field(
        default=None, description="channels of the pitch extractor's blocks"
    )
    pitch_lstm: int | None = Field(default=None, ge=4, description="width of the pitch extractor's LSTM")
    discriminator_periods: tuple[int, ...] | None = Field(
        default=None, description="periods, in samples, of the waveform discriminators"
    )
    discriminator_channels: tuple[int, ...] | None = Field(
        default=None, description="channels of their layers"
    )
    resolution_channels: int | None = Field(
        default=None, ge=1, description="channels of the spectrogram discriminators"
    )
    slm_channels: int | None = Field(
        default=None, ge=2, description="channels of the speech language model's discriminator"
    )


class ModuleOptimiserSettings(Section):
    """What one network's AdamW has of its own; null: as the others of its group."""

    lr: float | None = Field(default=None, ge=0, description="learning rate after the warm-up")
    betas: tuple[float, float] | None = Field(default=None, description="averaging factors")
    weight_decay: float | None = Field(default=None, ge=0, description="weight decay")


class StyleTTS2OptimiserSettings(FallingRates):
    """AdamW of every network, in three groups: most, PL-BERT, and the acoustic networks of stage 2.

    These are the values that are in effect in the published code, where building a schedule that is never
    stepped moves most groups' first beta from 0 to 0.85.
    """

    bert_lr: float | None = Field(
        default=None,
        gt=0,
        description="of PL-BERT in stage2 and finetune; null: 1e-5, as published, where it was pretrained, "
        "and `lr` where it starts afresh",
    )
    ft_lr: float = Field(
        default=1e-5,
        gt=0,
        description="of decoder and style encoder in stage2 and finetune, where they continue; the published "
        "fine-tuning recipe has 1e-4",
    )
    betas: tuple[float, float] = Field(default=(0.85, 0.99), description="averaging factors of most")
    bert_betas: tuple[float, float] = Field(
        default=(0.9, 0.99), description="of PL-BERT in stage2 and finetune"
    )
    ft_betas: tuple[float, float] = Field(
        default=(0.0, 0.99), description="of decoder and style encoder in stage2 and finetune"
    )
    epsilon: float = Field(default=1e-9, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(default=1e-4, ge=0, description="of all but PL-BERT")
    bert_weight_decay: float = Field(default=0.01, ge=0, description="of PL-BERT")
    modules: dict[TrainedModule, ModuleOptimiserSettings] = Field(
        default={}, description="networks that differ from their group, by name"
    )
    clip: float | None = Field(
        default=None,
        gt=0,
        description="norm that the gradients of each update are clipped to; null, like the reference, "
        "clips nothing",
    )
    warmup_steps: int = Field(default=0, ge=0, description="steps over which the rates rise linearly")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="rates after the warm-up; the published ones stay constant"
    )


class StyleTTS2LossSettings(Section):
    """Weight of each loss, under its published name."""

    lambda_mel: float = Field(default=5.0, ge=0, description="multi-resolution mel distance")
    lambda_stft: float = Field(
        default=0.0,
        ge=0,
        description="spectral convergence and log magnitude of spectrograms of all bins, at several "
        "resolutions; 0, as published: mels alone are compared",
    )
    lambda_gen: float = Field(default=1.0, ge=0, description="adversarial and feature matching losses")
    lambda_slm: float = Field(
        default=1.0, ge=0, description="distance of the speech language model's features"
    )
    lambda_mono: float = Field(
        default=1.0, ge=0, description="distance from the monotonic alignment; its factor 10 is inside"
    )
    lambda_s2s: float = Field(default=1.0, ge=0, description="the aligner's cross-entropy of the text")
    lambda_f0: float = Field(default=1.0, ge=0, description="pitch; its factor 1/10 is inside")
    lambda_norm: float = Field(default=1.0, ge=0, description="energy (N)")
    lambda_dur: float = Field(default=1.0, ge=0, description="L1 of durations")
    lambda_length: float = Field(
        default=0.0,
        ge=0,
        description="L1 of a clip's whole duration, per token. Published trainings have none; without it "
        "sentences come out a tenth short or so where there is little speech to learn from",
    )
    lambda_ce: float = Field(default=20.0, ge=0, description="binary cross-entropy of duration bins")
    lambda_sty: float = Field(default=1.0, ge=0, description="L1 of sampled styles")
    lambda_diff: float = Field(default=1.0, ge=0, description="style diffusion")


class SlmAdversarySettings(Section):
    """The adversary that judges free-running synthesis by features of the speech language model."""

    min_len: int = Field(default=400, ge=4, description="shortest clip to be judged, mel frames of 12.5 ms")
    max_len: int = Field(default=500, ge=4, description="longest clip to be judged, mel frames")
    batch_percentage: float = Field(
        default=0.5, gt=0, le=1, description="share of a batch's clips that are judged, to spare memory"
    )
    iter: int = Field(
        default=10, ge=1, description="its discriminator learns in every so many-th step of the joint phase"
    )
    thresh: float = Field(
        default=5.0,
        gt=0,
        description="where the predictor's gradient norm is above, all of the adversary's gradients are "
        "divided by that norm",
    )
    scale: float = Field(
        default=0.01,
        ge=0,
        description="factor of its gradients on duration projection, duration LSTM and diffusion",
    )
    sigma: float = Field(
        default=1.5, gt=0, description="width of the differentiable durations' kernel, frames"
    )

    @model_validator(mode="after")
    def _ordered(self) -> SlmAdversarySettings:
        if self.min_len > self.max_len:
            raise ValueError(f"min_len = {self.min_len} is above max_len = {self.max_len}")
        return self


class SlmSettings(SpeechModelSettings):
    """The speech language model (WavLM) whose features training compares."""

    model: str | None = Field(
        default="microsoft/wavlm-base-plus",
        min_length=1,
        description="folder or hub name of a WavLM; null: off, with its feature loss and its adversary. The "
        "published one knows English alone and pulls other languages towards its accent",
    )
    adversary: SlmAdversarySettings | None = Field(
        default=SlmAdversarySettings(), description="null: no adversary; the feature loss stays"
    )
    other_texts: str | None = Field(
        default=None,
        min_length=1,
        description="folder with a file of texts per language, `en.txt`, one a line and of 50 characters or "
        "more, that the adversary has the voice say half the time; null: those that come along, for English "
        "and German",
    )


class _StageLength(Section):
    """How long a stage trains."""

    max_steps: int | None = Field(default=None, ge=1, description="optimiser steps at most")
    max_epochs: int | None = Field(default=None, ge=1, description="passes through the clips at most")

    @model_validator(mode="after")
    def _ends(self) -> _StageLength:
        if self.max_steps is None and self.max_epochs is None:
            raise ValueError("max_steps and max_epochs are both null; set one of them")
        return self


class Stage1Settings(_StageLength):
    """Stage 1: text encoder, style encoder and decoder; later the aligner and the discriminators."""

    max_epochs: int | None = Field(default=200, ge=1, description="passes through the clips at most")
    tma_epoch: int = Field(
        default=50, ge=0, description="epoch from which aligner and discriminators train; before: mel only"
    )
    tma_step: int | None = Field(
        default=None, ge=0, description="the same as an optimiser step, for small corpora; overrules it"
    )


class _JointSettings(_StageLength):
    diff_epoch: int = Field(ge=0, description="epoch from which the style diffusion trains")
    diff_step: int | None = Field(
        default=None, ge=0, description="the same as an optimiser step; overrules it"
    )
    joint_epoch: int = Field(ge=0, description="epoch from which the SLM adversary trains")
    joint_step: int | None = Field(
        default=None, ge=0, description="the same as an optimiser step; overrules it"
    )


class Stage2Settings(_JointSettings):
    """Stage 2: prosody; then diffusion and discriminators; then style encoder, decoder and SLM adversary."""

    max_epochs: int | None = Field(default=100, ge=1, description="passes through the clips at most")
    diff_epoch: int = Field(
        default=20, ge=0, description="epoch from which diffusion and discriminators train"
    )
    joint_epoch: int = Field(
        default=50, ge=0, description="epoch from which style encoder, decoder and SLM adversary train"
    )


class FinetuneSettings(_JointSettings):
    """Fine-tuning: everything but the pitch extractor, from the start."""

    max_epochs: int | None = Field(default=50, ge=1, description="passes through the clips at most")
    diff_epoch: int = Field(default=10, ge=0, description="epoch from which the style diffusion trains")
    joint_epoch: int = Field(default=30, ge=0, description="epoch from which the SLM adversary trains")


class StyleTTS2TrainSettings(TrainSettings):
    """Training of StyleTTS 2 in stages; what stands here holds in each of them."""

    batch_size: int = Field(default=16, ge=1, description="clips per batch")
    version: Literal["ljspeech", "libritts"] = Field(
        default="ljspeech", description="whose published sizes to take"
    )
    decoder: Literal["istftnet", "hifigan"] | None = Field(
        default=None, description="the vocoder; null: the version's (ljspeech: istftnet, libritts: hifigan)"
    )
    multispeaker: bool | None = Field(
        default=None,
        description="whether style diffusion reads the style of a reference; null: the version's",
    )
    tiny: bool = Field(
        default=False, description="sizes that train on a CPU in minutes; they prove the machinery"
    )
    sizes: StyleTTS2Sizes = Field(default=StyleTTS2Sizes(), description="sizes that differ from these")
    alignment: Literal["aligner", "given"] = Field(
        default="aligner",
        description="whose alignment of text and speech: the network text_aligner's, or the durations that "
        "the stage align measured, which needs no pretrained aligner and suits any language",
    )
    pitch: Literal["extractor", "given"] = Field(
        default="extractor",
        description="whose pitch: the network pitch_extractor's (JDC), or that of the stage pitch, which "
        "needs no pretrained network",
    )
    max_len_frames: int = Field(
        default=400, ge=80, description="longest stretch of a clip that the decoder makes in a step, frames"
    )
    max_clip_s: float = Field(default=30.0, gt=0, description="longer clips are refused, by name, seconds")
    max_tokens: int = Field(
        default=510, ge=1, description="clips with more tokens are refused: PL-BERT has 512 positions"
    )
    pretrained: str | None = Field(
        default=None,
        min_length=1,
        description="finetune: the voice to start from, which it needs: a name from `voicewright models "
        "list`, a checkpoint file, or a folder of weights that a stage or an export wrote. The other stages "
        "start afresh and from the files below",
    )
    pretrained_bert: str | None = Field(
        default=None,
        min_length=1,
        description="stage2: what PL-BERT starts from: a name from `voicewright models list`, its checkpoint "
        "file, a voice's, or a folder of weights; null starts it afresh",
    )
    pretrained_aligner: str | None = Field(
        default=None,
        min_length=1,
        description="stage1: the same for the aligner",
    )
    pretrained_pitch: str | None = Field(
        default=None,
        min_length=1,
        description="stage1: the same for the pitch extractor (JDC), which is never trained here",
    )
    losses: StyleTTS2LossSettings = StyleTTS2LossSettings()
    optimiser: StyleTTS2OptimiserSettings = StyleTTS2OptimiserSettings()
    interpolates: bool = Field(
        default=False,
        description="whether the vocoder's upsamplings stay interpolations: it cannot hum at its frame rate "
        "then, which a small one learns in place of the pitch that it is given. Weights that a training "
        "starts from keep theirs as they are",
    )
    listening: ListeningSettings = ListeningSettings()
    slm: SlmSettings = SlmSettings()
    sample_clips: int = Field(
        default=1,
        ge=0,
        description="held-out clips, if there are so many, that are rendered to FLAC at a validation, with "
        "predicted and with recorded prosody, whatever validation_clips is; those of the first, the best and "
        "the last validation are kept. 0: none",
    )
    stage1: Stage1Settings = Stage1Settings()
    stage2: Stage2Settings = Stage2Settings()
    finetune: FinetuneSettings = FinetuneSettings()

    @model_validator(mode="after")
    def _lengths_are_the_stages(self) -> StyleTTS2TrainSettings:
        for name in ("max_steps", "max_epochs"):
            if (value := getattr(self, name)) is not None:
                raise ValueError(
                    f"{name} = {value}: each stage has its own; set stage1.{name}, stage2.{name} or "
                    f"finetune.{name}"
                )
        return self

    @model_validator(mode="after")
    def _pitch_has_a_source(self) -> StyleTTS2TrainSettings:
        if self.pitch == "given" and self.pretrained_pitch is not None:
            raise ValueError(
                f"pretrained_pitch = {self.pretrained_pitch} has no use with pitch = given; set pitch: "
                "extractor, or leave it out"
            )
        if self.alignment == "given" and self.pretrained_aligner is not None:
            raise ValueError(
                f"pretrained_aligner = {self.pretrained_aligner} has no use with alignment = given; set "
                "alignment: aligner, or leave it out"
            )
        return self
