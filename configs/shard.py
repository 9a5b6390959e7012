"""Settings of the shard stage."""

from __future__ import annotations

from pydantic import Field, model_validator

from configs.base import Section


class ShardSettings(Section):
    """How accepted clips become the training table."""

    validation_share: float = Field(
        0.05, ge=0.0, le=0.5, description="Share of clips kept for validation, 0-1; at least one clip."
    )
    test_share: float = Field(
        0.05,
        ge=0.0,
        le=0.5,
        description="Share of clips never trained on, 0-1; at least one from ten clips up.",
    )
    given_splits: bool = Field(
        True,
        description="Whether lists whose names say so (train, val, dev, test ...) divide the clips; without "
        "one for validation its share is drawn from the rest. False divides by the shares alone.",
    )
    rows_per_file: int = Field(256, ge=1, le=10_000, description="Clips per Parquet file.")
    rows_per_group: int = Field(
        16, ge=1, le=1_000, description="Clips per row group, the unit that streaming reads."
    )

    @model_validator(mode="after")
    def _some_training(self) -> ShardSettings:
        if self.validation_share + self.test_share > 0.6:
            raise ValueError("validation_share and test_share together leave too little to train on")
        return self
