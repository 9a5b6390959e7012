"""What the settings of StyleTTS 2's and Kokoro's trainings share: sizes, rates, the speech language model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from configs.base import Section


class AcousticSizes(Section):
    """Sizes of the networks that speak; null keeps those that the family's settings name."""

    hidden: int | None = Field(default=None, ge=8, description="width of encoded text")
    style_dim: int | None = Field(default=None, ge=4, description="width of each half of a style")
    n_layers: int | None = Field(
        default=None, ge=1, description="layers of the text encoder and of the duration encoder"
    )
    max_dur: int | None = Field(
        default=None, ge=2, description="longest duration of a token, in frames of 25 ms"
    )
    dropout: float | None = Field(default=None, ge=0, lt=1, description="dropout probability")
    bert_embedding: int | None = Field(default=None, ge=4, description="width of PL-BERT's embeddings")
    bert_hidden: int | None = Field(default=None, ge=4, description="width of PL-BERT")
    bert_heads: int | None = Field(default=None, ge=1, description="attention heads of PL-BERT")
    bert_intermediate: int | None = Field(
        default=None, ge=4, description="width of PL-BERT's feed-forward layers"
    )
    bert_layers: int | None = Field(default=None, ge=1, description="layers of PL-BERT")
    decoder_hidden: int | None = Field(default=None, ge=8, description="width of the decoder's blocks")
    decoder_text: int | None = Field(
        default=None, ge=2, description="width at which the decoder's blocks read the text again"
    )
    upsample_initial: int | None = Field(
        default=None, ge=8, description="channels of the vocoder before its first upsampling"
    )
    resblock_kernels: tuple[int, ...] | None = Field(
        default=None, description="kernel sizes of the vocoder's parallel residual blocks"
    )


class FallingRates(Section):
    """Learning rates that stay or fall after the warm-up."""

    lr: float = Field(default=1e-4, gt=0, description="learning rate of most networks")
    schedule: Literal["constant", "cosine"] = Field(default="constant", description="rates after the warm-up")
    final_lr: float = Field(
        default=1e-5,
        ge=0,
        description="cosine: what `lr` ends at in the last step; other rates end at the same share of theirs",
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.schedule == "cosine" and self.final_lr > self.lr:
            raise ValueError(f"final_lr = {self.final_lr} is above lr = {self.lr}: a cosine falls")
        return self


class ListeningSettings(Section):
    """What validations hear in the sound itself: losses tell of the networks that lead to it."""

    clips: int = Field(
        default=2,
        ge=0,
        description="held-out clips that are spoken at their recorded pitch, at 0.8 and at 1.25 times of it, "
        "and whose sound is compared with what was asked; 0: none",
    )
    min_correlation: float = Field(
        default=0.5,
        ge=-1,
        le=1,
        description="`f0_correlation` of asked and rendered pitch below which the sound ignores pitch",
    )
    from_share: float = Field(
        default=0.5, ge=0, le=1, description="share of a training's steps from which on it must not"
    )
    ignored: Literal["warn", "stop"] = Field(
        default="warn", description="what becomes of a training whose sound ignores pitch"
    )
    recogniser: str | None = Field(
        default="whisper-base",
        min_length=1,
        description="recogniser that hears the same clips spoken from text, a folder or a name from `models "
        "list`; null, or where it is not on this machine: words are not heard, and the best version is "
        "chosen without them, which has taken voices that had lost their words",
    )


class SpeechModelSettings(Section):
    """The speech language model (WavLM) whose features training may compare."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="folder or hub name of a WavLM; null: off. The published one knows English alone and "
        "pulls other languages towards its accent",
    )
    revision: str = Field(default="main", min_length=1, description="hub revision")
    weights_digest: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="SHA-256 of the weights file; checked when given",
    )
