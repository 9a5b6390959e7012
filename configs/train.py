"""Settings that training stages share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section

HOUSEKEEPING = ("cache_mb", "checkpoint_every_steps", "keep_checkpoints", "max_skipped_in_a_row")
"""Settings of every training that decide how it gets through, and nothing of what comes out of it."""


class TrainSettings(Section):
    """What every training stage can be told."""

    max_steps: int | None = Field(
        default=None,
        ge=1,
        description="optimiser steps at most; null beside a null max_epochs: the plan decides",
    )
    max_epochs: int | None = Field(
        default=None, ge=1, description="passes through the training clips at most"
    )
    batch_size: int = Field(default=4, ge=1, description="clips per batch")
    accumulate: int = Field(
        default=1,
        ge=1,
        description="batches per optimiser step; compute.processes share them, so the result does not "
        "depend on how many there are",
    )
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
    keep_checkpoints: int = Field(
        default=2, ge=2, description="newest checkpoints that stay on the disk while a network trains"
    )
    choose: Literal["best", "last"] = Field(
        default="best",
        description="weights that become the voice: those of the best validation (`score`), or the last",
    )
    early_stop_patience: int = Field(
        default=0, ge=0, description="validations without a better score after which training ends; 0: never"
    )
    max_skipped_in_a_row: int = Field(
        default=3,
        ge=0,
        description="steps with a non-finite loss or gradient that are skipped before failing",
    )
    cache_mb: int = Field(default=2048, ge=0, description="memory for decoded training clips, MiB")

    @model_validator(mode="after")
    def _can_stop_early(self) -> TrainSettings:
        if self.early_stop_patience and not (self.validate_every_steps and self.validation_clips):
            raise ValueError(
                f"early_stop_patience = {self.early_stop_patience} needs validate_every_steps and "
                "validation_clips above 0"
            )
        if self.early_stop_patience and self.choose == "last":
            raise ValueError(
                f"early_stop_patience = {self.early_stop_patience} with choose = last would keep "
                "weights that are known to be worse; set choose to best, or early_stop_patience to 0"
            )
        return self


class ReferenceOrderSettings(TrainSettings):
    """Training of a network of GPT-SoVITS, whose own order of clips is known."""

    batching: Literal["bucketed", "gpt-sovits"] = Field(
        default="bucketed",
        description="which clips meet in a batch: `bucketed` is of similar lengths, every clip once an "
        "epoch; `gpt-sovits` is the reference's order, for comparisons with it: its SoVITS leaves out clips "
        "up to 0.64 s and over 38 s and repeats others, and a warning says which",
    )
