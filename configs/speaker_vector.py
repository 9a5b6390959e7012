"""Settings of the stage speaker_vector."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class SpeakerVectorSettings(Section):
    """The vector of 20480 values that GPT-SoVITS v2Pro and v2ProPlus are conditioned on beside the style."""

    backend: Literal["none", "eres2netv2"] = Field(
        "none", description="`eres2netv2` is what v2Pro and v2ProPlus need; the other versions need none."
    )
    model: str = Field(
        "lj1995/GPT-SoVITS",
        min_length=1,
        description="eres2netv2: pretrained_eres2netv2w24s4ep4.ckpt, a folder that holds it (or holds sv/ "
        "with it), or the hub model whose local cache does; nothing is downloaded.",
    )
