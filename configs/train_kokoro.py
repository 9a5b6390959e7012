"""Settings of the stages voice_table and train_kokoro. Kokoro's own recipe is not published; this is ours."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section
from configs.train import TrainSettings
from configs.train_acoustic import AcousticSizes, FallingRates, ListeningSettings, SpeechModelSettings


class KokoroSizes(AcousticSizes):
    """Sizes of the networks; null keeps Kokoro-82M's, or those of `tiny`; published weights have theirs."""


class KokoroJudgeSizes(Section):
    """Sizes of the discriminators, which train from scratch and are in no voice; null as for KokoroSizes."""

    periods: tuple[int, ...] | None = Field(
        default=None, description="periods, in samples, of the waveform discriminators"
    )
    channels: tuple[int, ...] | None = Field(default=None, description="channels of their layers")
    resolution_channels: int | None = Field(
        default=None, ge=1, description="channels of the spectrogram discriminators"
    )


class VoiceTableSettings(Section):
    """The network that makes a voice, 510 rows of styles, from a speaker's embedding."""

    latent: int = Field(default=256, ge=2, description="width between embedding and voice")
    waves: int = Field(
        default=8,
        ge=1,
        description="cosines of the text's length that a voice is made of: the more, the finer it may depend "
        "on the length",
    )
    start: Literal["neutral", "fitted"] = Field(
        default="neutral",
        description="what each voice begins as. `fitted`: what the stage fit_kokoro finds for the published "
        "weights, with the decoder's biases that go with it, which is near to the speaker before anything is "
        "trained; `neutral`: no style, or that of `styles`",
    )
    voices: str | None = Field(
        default=None,
        min_length=1,
        description="file `networks/voices.safetensors` of an exported Kokoro voice, whose speakers begin as "
        "they are there, whatever `start` says; null: see there",
    )
    styles: str | None = Field(
        default=None,
        min_length=1,
        description="result folder of a StyleTTS 2 training on the same recordings, whose style encoders "
        "give each voice its mean; null begins with a neutral style",
    )

    @model_validator(mode="after")
    def _one_start(self) -> VoiceTableSettings:
        if self.start == "fitted" and self.styles is not None:
            raise ValueError("start = fitted and styles are two beginnings; set one of them")
        return self


class KokoroOptimiserSettings(FallingRates):
    """AdamW of every network. What continues has small rates, what begins has large ones."""

    lr: float = Field(default=5e-5, gt=0, description="learning rate of what published weights hold")
    bert_lr: float = Field(default=1e-5, gt=0, description="of PL-BERT")
    table_lr: float | None = Field(
        default=None,
        gt=0,
        description="of the voice table; null: 1e-3 where it begins neutral, 1e-5 where it begins with "
        "voices (see `table`), which a large rate takes away in a few steps",
    )
    judge_lr: float = Field(default=1e-4, gt=0, description="of the discriminators, which begin afresh")
    betas: tuple[float, float] = Field(default=(0.85, 0.99), description="averaging factors")
    epsilon: float = Field(default=1e-9, gt=0, description="AdamW's epsilon")
    weight_decay: float = Field(default=1e-4, ge=0, description="AdamW's weight decay")
    clip: float | None = Field(
        default=1.0, gt=0, description="norm that the gradients of each update are clipped to; null: never"
    )
    warmup_steps: int = Field(default=100, ge=0, description="steps over which the rates rise linearly")
    schedule: Literal["constant", "cosine"] = Field(default="cosine", description="rates after the warm-up")
    final_lr: float = Field(
        default=5e-6,
        ge=0,
        description="cosine: what `lr` ends at in the last step; other rates end at the same share of theirs",
    )


class KokoroLossSettings(Section):
    """Weight of each loss: StyleTTS 2's of the same losses; `unvoiced` and `length` are ours."""

    lambda_stft: float = Field(default=5.0, ge=0, description="multi-resolution spectral distance")
    lambda_f0: float = Field(
        default=1.0, ge=0, description="pitch where the recording is voiced; its factor 1/10 is inside"
    )
    lambda_unvoiced: float = Field(
        default=0.5,
        ge=0,
        description="pitch where it is not, which should be 0; its factor 1/10 is inside. Half of lambda_f0 "
        "weighs every frame about alike, since about a third of them are unvoiced: more, and doubtful frames "
        "turn unvoiced",
    )
    lambda_norm: float = Field(default=1.0, ge=0, description="energy (N)")
    lambda_dur: float = Field(default=1.0, ge=0, description="L1 of durations")
    lambda_length: float = Field(default=1.0, ge=0, description="L1 of a clip's whole duration, per token")
    lambda_ce: float = Field(default=20.0, ge=0, description="binary cross-entropy of duration bins")
    lambda_gen: float = Field(default=1.0, ge=0, description="adversarial and feature matching losses")
    lambda_slm: float = Field(
        default=1.0, ge=0, description="distance of the speech language model's features"
    )


class KokoroTrainSettings(TrainSettings):
    """Training of a Kokoro voice: the model and its voice table together."""

    max_epochs: int | None = Field(default=50, ge=1, description="passes through the clips at most")
    validate_every_steps: int = Field(default=500, ge=0, description="steps between validations; 0: never")
    early_stop_patience: int = Field(
        default=30,
        ge=0,
        description="validations without a better score (spectral distance, similarity and words misheard of "
        "held-out clips) after which training ends; 0: never",
    )
    batch_size: int = Field(default=8, ge=1, description="clips per batch")
    tiny: bool = Field(
        default=False, description="sizes that train on a CPU in minutes; they prove the machinery"
    )
    sizes: KokoroSizes = Field(default=KokoroSizes(), description="sizes that differ from these")
    judges: KokoroJudgeSizes = Field(default=KokoroJudgeSizes(), description="sizes of the discriminators")
    table: VoiceTableSettings = VoiceTableSettings()
    method: Literal["train", "fit"] = Field(
        default="train",
        description="`train`: model and voice table together (the rest of this section); `fit`: a "
        "voice is found in minutes for the model, which stays as published but for biases of its decoder "
        "(train.kokoro_fit)",
    )
    pretrained: str | None = Field(
        default=None,
        min_length=1,
        description="published weights to start from: `kokoro-82m`, a .pth file with config.json beside it, "
        "the .onnx file of the export to int8, or a folder of them; null starts afresh",
    )
    max_len_frames: int = Field(
        default=400, ge=16, description="longest stretch of a clip that the decoder makes in a step, frames"
    )
    max_clip_s: float = Field(default=30.0, gt=0, description="longer clips are refused, by name, seconds")
    max_tokens: int = Field(
        default=512,
        ge=3,
        le=512,
        description="clips with more tokens are refused, the pads at both ends counted: a voice has a row "
        "for up to 510 phonemes",
    )
    held_epochs: int = Field(
        default=3,
        ge=0,
        description="passes in which published PL-BERT and first text layers are held as they are; without "
        "`pretrained` nothing is held",
    )
    held_steps: int | None = Field(
        default=None, ge=0, description="the same in optimiser steps, for small corpora; overrules it"
    )
    held_text_layers: int = Field(
        default=1,
        ge=0,
        description="convolutions of the text encoder that are held, with the embedding below; 0: neither",
    )
    held_decoder: bool = Field(
        default=True,
        description="whether no more of the published decoder than the biases of its styled norms learns "
        "until discriminators are at work: a spectral distance alone dissolves a voice. Without `pretrained` "
        "nothing is held",
    )
    teacher_steps: int | None = Field(
        default=None,
        ge=1,
        description="steps over which the decoder comes to read predicted pitch and energy in place of the "
        "recordings'; null: half of the training",
    )
    teacher_final: float = Field(
        default=0.1, ge=0, le=1, description="share of batches with the recordings' afterwards"
    )
    adversarial_epoch: int | None = Field(
        default=3,
        ge=0,
        description="epoch from which discriminators train, with feature matching; null: never",
    )
    adversarial_step: int | None = Field(
        default=None, ge=0, description="the same as an optimiser step; overrules it"
    )
    losses: KokoroLossSettings = KokoroLossSettings()
    optimiser: KokoroOptimiserSettings = KokoroOptimiserSettings()
    interpolates: bool = Field(
        default=False,
        description="whether the vocoder's upsamplings stay interpolations: it cannot hum at its frame rate "
        "then, which a small one learns in place of the pitch that it is given. For fresh weights alone",
    )
    listening: ListeningSettings = ListeningSettings()
    slm: SpeechModelSettings = SpeechModelSettings()
    sample_clips: int = Field(
        default=1,
        ge=0,
        description="held-out clips that are rendered to FLAC at a validation, as the voice speaks them and "
        "with recorded prosody; those of the first, the best and the last validation are kept. 0: none",
    )

    @model_validator(mode="after")
    def _ends(self) -> KokoroTrainSettings:
        if self.max_steps is None and self.max_epochs is None:
            raise ValueError("max_steps and max_epochs are both null; set one of them")
        return self

    @model_validator(mode="after")
    def _published_sizes_are_kept(self) -> KokoroTrainSettings:
        if self.pretrained is not None and (self.tiny or self.sizes != KokoroSizes()):
            raise ValueError(
                f"pretrained = {self.pretrained} has its own sizes; leave out tiny and sizes, or pretrained"
            )
        if self.pretrained is not None and self.interpolates:
            raise ValueError(
                f"pretrained = {self.pretrained} has its own upsamplings; leave out interpolates, or "
                "pretrained"
            )
        return self

    @model_validator(mode="after")
    def _fits_what_is_published(self) -> KokoroTrainSettings:
        if self.table.start == "fitted" and self.pretrained is None:
            raise ValueError(
                "table.start = fitted needs published weights that voices are fitted for; set pretrained, or "
                "table.start to neutral"
            )
        return self

    @property
    def table_lr(self) -> float:
        """Learning rate of the voice table."""
        table, asked = self.table, self.optimiser.table_lr
        begins_neutral = table.start == "neutral" and table.voices is None and table.styles is None
        return asked or (1e-3 if begins_neutral else 1e-5)

    @property
    def adversarial(self) -> bool:
        """Whether discriminators ever train."""
        return self.adversarial_epoch is not None or self.adversarial_step is not None
