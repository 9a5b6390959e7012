"""Settings of the stage train_t2s. Defaults are what takes effect in GPT-SoVITS's published recipe.

Its `s1longer-v2.yaml` names other rates, a warm-up and a decay that its code overrides:
docs/decisions/gpt-sovits.md.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section
from configs.train import ReferenceOrderSettings


class T2sSizes(Section):
    """Sizes of the text-to-semantic decoder; null keeps the published version's."""

    width: int | None = Field(default=None, ge=2, description="channels of the transformer")
    n_heads: int | None = Field(default=None, ge=1, description="attention heads")
    n_layers: int | None = Field(default=None, ge=1, description="transformer layers")
    feed_forward: int | None = Field(default=None, ge=2, description="feed-forward channels")
    dropout: float | None = Field(default=None, ge=0, lt=1, description="dropout probability")


class T2sTrainSettings(ReferenceOrderSettings):
    """Training of the text-to-semantic decoder."""

    version: Literal["v1", "v2"] = Field(default="v2", description="which published architecture to build")
    sizes: T2sSizes = Field(default=T2sSizes(), description="sizes that differ from it")
    max_phones: int = Field(default=540, ge=1, description="clips with more phones are refused")
    min_phones_per_s: float = Field(
        default=3.0, ge=0, description="slower clips are refused, phones per second"
    )
    max_phones_per_s: float = Field(
        default=25.0, gt=0, description="faster clips are refused, phones per second"
    )
    accumulate: int = Field(default=4, ge=1, description="batches per optimiser step, across epochs")
    choose: Literal["best", "last"] = Field(
        default="last",
        description="weights that become the voice: those of the best validation (`score`), or the last; how "
        "well codes are told from recorded ones, which is all that is validated, says little of speaking",
    )
    pretrained: str | None = Field(
        default=None,
        min_length=1,
        description="published decoder to start from, which then decides all sizes: a name from "
        "`voicewright models list` or the path of an s1 file or of "
        "`t2s.safetensors` in an exported voice; null trains from scratch",
    )
    optimizer: Literal["adamw", "scaled_adam"] = Field(
        default="scaled_adam",
        description="scaled_adam is what GPT-SoVITS trains with; it clips by itself, without clip",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="after the warm-up; null: 2e-3 with scaled_adam, 2e-4 with adamw",
    )
    final_learning_rate: float | None = Field(
        default=None,
        ge=0,
        description="where the cosine decay ends at the last step; null: learning_rate with scaled_adam, "
        "which stays constant, a tenth of it with adamw",
    )
    warmup_steps: int = Field(
        default=0, ge=0, description="steps of linear rise; give adamw about 20 where it trains from scratch"
    )
    betas: tuple[float, float] = Field(default=(0.9, 0.95), description="the optimiser's averaging factors")
    weight_decay: float = Field(default=0.01, ge=0, description="adamw: weight decay")
    clip: float = Field(default=1.0, gt=0, description="adamw: gradient norm the decoder is clipped to")
    clipping_scale: float = Field(
        default=2.0, gt=0, description="scaled_adam: gradients count as at most so many median lengths"
    )
    weight_preference: float = Field(
        default=0.0,
        ge=0,
        description="weight of the preference (DPO) for the clip's codes over the same with a span repeated "
        "or left out, beside a cross-entropy of weight 1 per code; 0: off, which saves half the time. "
        "GPT-SoVITS's switch amounts to 1 / (codes in a batch), about 1e-3",
    )

    @model_validator(mode="after")
    def _one_source_of_sizes(self) -> T2sTrainSettings:
        given = [name for name, value in self.sizes.model_dump().items() if value is not None]
        if self.pretrained and given:
            raise ValueError(
                f"pretrained and sizes.{given[0]} are both set: the file decides the sizes; remove sizes, or "
                "set pretrained: null"
            )
        return self
