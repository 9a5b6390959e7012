"""How long a voice is fitted on so much speech."""

from __future__ import annotations

import math
from typing import NamedTuple

from configs.train_kokoro_fit import KokoroFitSettings


class _Amount(NamedTuple):
    """Up to `below_s` seconds of a speaker: steps for the mix, and with the vector after them."""

    below_s: float
    mix: int
    vector: int


_AMOUNTS = (
    _Amount(20.0, 80, 0),
    _Amount(60.0, 10, 40),
    _Amount(240.0, 10, 50),
    _Amount(math.inf, 10, 70),
)
"""On very little speech a vector goes where the similarity is, and words are lost; a mix does not. From half
a minute on a vector comes nearer in fewer steps: .75 instead of .71 by an encoder that had no part in it, at
as many words misheard."""


class FitPlan(NamedTuple):
    """Steps of a fitting.

    Attributes:
        seconds: Of speech.
        speakers: That it is shared by.
        mix: Steps in which the shares of official voices alone learn.
        vector: Steps after them in which the vector learns too.
        decoder: Whether biases of the decoder learn with the vector. They are one speaker's: what several
            share would be nobody's.
    """

    seconds: float
    speakers: int
    mix: int
    vector: int
    decoder: bool

    @property
    def steps(self) -> int:
        """Of the whole fitting."""
        return self.mix + self.vector


def fit_plan(settings: KokoroFitSettings, seconds: float, speakers: int) -> FitPlan:
    """Steps for an amount of speech, where the settings leave them open; `max_steps` cuts them off."""
    amount = next(one for one in _AMOUNTS if seconds / max(1, speakers) < one.below_s)
    mix = amount.mix * speakers if settings.mix_steps is None else settings.mix_steps
    vector = amount.vector * speakers if settings.vector_steps is None else settings.vector_steps
    if settings.max_steps is not None:
        mix, vector = min(mix, settings.max_steps), min(vector, max(0, settings.max_steps - mix))
    return FitPlan(seconds, speakers, mix, vector, vector > 0 and speakers == 1 and settings.decoder_lr > 0)
