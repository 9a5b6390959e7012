"""Settings of the phonemize stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from configs.base import Section


class PhonemizeSettings(Section):
    """How text becomes phone symbols."""

    symbol_table: Literal["auto", "gpt-sovits-v1", "gpt-sovits-v2", "ipa"] = Field(
        "auto",
        description="Table of phone symbols. `auto` is the family's table for the languages it covers "
        "(v2: English, Mandarin, Cantonese, Japanese, Korean; v1: English, Mandarin, Japanese), else `ipa`.",
    )
    unknown_ratio_max: float = Field(
        0.05,
        ge=0.0,
        le=1.0,
        description="Share of phones outside the table above which a clip is rejected, 0-1.",
    )
    lexicon: tuple[str, ...] | None = Field(
        None,
        description="Files of own pronunciations, a path or a list of paths; a later one goes before an "
        "earlier one. null: `lexicon.tsv` of the workspace and `lexicons/VOICE.tsv` in it, where they are "
        "there; `[]`: none.",
    )

    @field_validator("lexicon", mode="before")
    @classmethod
    def _one_or_several(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given
