"""What a validation hears in the sound itself: losses tell of the networks that lead to it.

A vocoder that hums at its own frame rate comes near a recording's spectrum whatever pitch it is asked for. So
families that speak at a given pitch speak at the recorded one and at others, and what sounds is tracked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tasks.finetune.listener import Listener
from tasks.finetune.rendered_pitch import Grid, Rendering, pitch_kept

SHIFTS = (0.8, 1.0, 1.25)
"""Of the recorded pitch. Whoever says the same at each of them does not correlate with what is asked."""


@dataclass(frozen=True)
class Ear:
    """Who hears which of the validated clips.

    Attributes:
        utterances: The clips that are heard.
        grid: Of their pitch.
        listener: A recogniser, where there is one.
    """

    utterances: Collection[str]
    grid: Grid
    listener: Listener | None = None
    _recorded: dict[str, float] = field(default_factory=dict)

    def hear(
        self,
        utterance_id: str,
        recording: Tensor,
        at_pitch: Callable[[float], Rendering],
        from_text: Callable[[], Tensor],
    ) -> dict[str, Tensor]:
        """What one clip sounds like; nothing of a clip that is not heard.

        `pitch_kept` of it at all `SHIFTS`; with a recogniser also `misheard`, word errors per word of it from
        text, and `misheard_recorded`, the same of the recording.

        Args:
            utterance_id: Whose.
            recording: [S].
            at_pitch: Speaks it at a multiple of its recorded pitch, all else recorded.
            from_text: Speaks it as the voice does, [S].
        """
        if utterance_id not in self.utterances:
            return {}
        values = pitch_kept([at_pitch(shift) for shift in SHIFTS], self.grid)
        if self.listener is not None:
            if utterance_id not in self._recorded:
                self._recorded[utterance_id] = self.listener.word_error_rate(utterance_id, recording)
            values["misheard"] = torch.tensor(self.listener.word_error_rate(utterance_id, from_text()))
            values["misheard_recorded"] = torch.tensor(self._recorded[utterance_id])
        return values


DEAF = Ear((), Grid(1, 1))
"""Hears nothing."""
