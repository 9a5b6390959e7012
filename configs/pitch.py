"""Settings of the pitch stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.base import Section


class PitchSettings(Section):
    """How the fundamental frequency is tracked."""

    method: Literal["dio", "harvest", "crepe-tiny", "crepe-full", "pyin"] = Field(
        "dio",
        description="Tracker: `dio` (with StoneMask, fastest), `harvest` (fewer gaps, ~10x slower), "
        "`crepe-tiny`, `crepe-full` (best in noise, slow without a GPU) or `pyin`.",
    )
    f0_min_hz: float = Field(60.0, ge=30.0, le=500.0, description="Lowest pitch looked for, Hz.")
    f0_max_hz: float = Field(600.0, ge=100.0, le=2_000.0, description="Highest pitch, Hz.")

    @model_validator(mode="after")
    def _range_fits(self) -> PitchSettings:
        if self.f0_max_hz < 2 * self.f0_min_hz:
            raise ValueError(f"f0_max_hz {self.f0_max_hz} must be at least twice f0_min_hz {self.f0_min_hz}")
        return self
