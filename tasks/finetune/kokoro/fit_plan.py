"""How long a voice is fitted on so much speech, and why, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from configs.train_kokoro_fit import KokoroFitSettings


class _Amount(NamedTuple):
    """Up to `below_s` seconds of a speaker: steps for the mix, and with the vector after them."""

    below_s: float
    mix: int
    vector: int


_AMOUNTS = (_Amount(60.0, 60, 0), _Amount(240.0, 40, 40), _Amount(math.inf, 40, 60))
"""On little speech a vector goes where the similarity is, and words are lost; a mix does not."""


class FitPlan(NamedTuple):
    """Steps of a fitting.

    Attributes:
        seconds: Of speech.
        speakers: That it is shared by.
        mix: Steps in which the shares of official voices alone learn.
        vector: Steps after them in which the vector learns too.
    """

    seconds: float
    speakers: int
    mix: int
    vector: int

    @property
    def steps(self) -> int:
        """Of the whole fitting."""
        return self.mix + self.vector

    def explained(self) -> Sequence[str]:
        """What a person should know."""
        whose = "of one speaker" if self.speakers == 1 else f"of {self.speakers} speakers"
        vector = (
            f"then {self.vector} with a vector beside it"
            if self.vector
            else "and no vector beside it, which so little speech would lead astray"
        )
        return (
            f"{self.seconds:.0f} s of usable speech {whose}, fitted to Kokoro as it is published",
            f"{self.mix} steps for the mix of official voices, {vector}",
            "overrule it with --set train.kokoro_fit.mix_steps=N, train.kokoro_fit.vector_steps=N",
        )


def fit_plan(settings: KokoroFitSettings, seconds: float, speakers: int) -> FitPlan:
    """Steps for an amount of speech, where the settings leave them open; `max_steps` cuts them off."""
    amount = next(one for one in _AMOUNTS if seconds / max(1, speakers) < one.below_s)
    mix = amount.mix * speakers if settings.mix_steps is None else settings.mix_steps
    vector = amount.vector * speakers if settings.vector_steps is None else settings.vector_steps
    if settings.max_steps is not None:
        mix, vector = min(mix, settings.max_steps), min(vector, max(0, settings.max_steps - mix))
    return FitPlan(seconds, speakers, mix, vector)
