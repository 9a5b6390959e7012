"""What a validation hears in the sound itself: losses tell of the networks that lead to it.

A vocoder that hums at its own frame rate comes near a recording's spectrum whatever pitch it is asked for. So
families that speak at a given pitch speak at the recorded one and at others, and what sounds is tracked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from tasks.finetune.listener import Listener, Misheard
from tasks.finetune.rendered_pitch import Grid, Rendering, pitch_kept

SHIFTS = (0.8, 1.0, 1.25)
"""Of the recorded pitch. Whoever says the same at each of them does not correlate with what is asked."""


HEARD_FROM_TEXT = ("unlike", "words")
"""What joins a spectral distance where versions are compared: who speaks, and what is understood."""


class Heard(NamedTuple):
    """One waveform: a unit vector of who speaks [E], and what a recogniser misheard."""

    speaker: Tensor | None
    misheard: Misheard | None


@dataclass(frozen=True)
class Ear:
    """Who hears which of the validated clips.

    Attributes:
        utterances: The clips that are heard.
        grid: Of their pitch.
        likeness: Unit vectors of waveforms [1, S] that say who speaks.
        listener: A recogniser, where there is one.
    """

    utterances: Collection[str]
    grid: Grid
    likeness: Callable[[Tensor], Tensor] | None = None
    listener: Listener | None = None
    _recorded: dict[str, Heard] = field(default_factory=dict)

    def hear(
        self,
        utterance_id: str,
        recording: Tensor,
        at_pitch: Callable[[float], Rendering],
        from_text: Callable[[], Tensor],
    ) -> dict[str, Tensor]:
        """What one clip sounds like; nothing of a clip that is not heard.

        `pitch_kept` of it at all `SHIFTS`, and what is heard of it from text: `unlike`, 1 less the cosine
        similarity with the recording's speaker; with a recogniser `misheard`, word errors per word,
        `misheard_recorded`, the same of the recording, and `words`, `tasks.finetune.listener.Misheard.share`.

        Args:
            utterance_id: Whose.
            recording: [S].
            at_pitch: Speaks it at a multiple of its recorded pitch, all else recorded.
            from_text: Speaks it as the voice does, [S].
        """
        if utterance_id not in self.utterances:
            return {}
        values = pitch_kept([at_pitch(shift) for shift in SHIFTS], self.grid)
        if self.likeness is None and self.listener is None:
            return values
        if utterance_id not in self._recorded:
            self._recorded[utterance_id] = self._heard(utterance_id, recording)
        said, recorded = self._heard(utterance_id, from_text()), self._recorded[utterance_id]
        if said.speaker is not None and recorded.speaker is not None:
            values["unlike"] = 1.0 - (said.speaker * recorded.speaker).sum()
        if said.misheard is not None and recorded.misheard is not None:
            values["misheard"] = torch.tensor(said.misheard.rate)
            values["misheard_recorded"] = torch.tensor(recorded.misheard.rate)
            values["words"] = torch.tensor(said.misheard.share)
        return values

    def _heard(self, utterance_id: str, wave: Tensor) -> Heard:
        speaker = None if self.likeness is None else self.likeness(wave.float()[None])[0]
        return Heard(speaker, None if self.listener is None else self.listener.hear(utterance_id, wave))


DEAF = Ear((), Grid(1, 1))
"""Hears nothing."""
