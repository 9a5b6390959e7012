"""Settings of the phonemize stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class PhonemizeSettings(Section):
    """How text becomes phone symbols."""

    symbol_table: Literal["auto", "gpt-sovits-v1", "gpt-sovits-v2", "ipa"] = Field(
        "auto",
        description="Table of phone symbols. `auto` is the family's table for the languages it covers "
        "(English, Chinese), else `ipa`.",
    )
    unknown_ratio_max: float = Field(
        0.05,
        ge=0.0,
        le=1.0,
        description="Share of phones outside the table above which a clip is rejected, 0-1.",
    )
