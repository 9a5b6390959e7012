"""Settings of the plan: which networks to train on how much speech."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section

Choice = Literal["auto", "train", "keep"]


class PlanSettings(Section):
    """Overrules the plan; how long is overruled by a network's own max_epochs or max_steps."""

    sovits: Choice = Field(
        default="auto",
        description="auto: by the amount of usable speech; train: always; keep: use the pretrained "
        "network as it is",
    )
    t2s: Choice = Field(default="auto", description="the same for the text-to-semantic decoder")
