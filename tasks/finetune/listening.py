"""What a validation hears in the sound itself: losses tell of the networks that lead to it.

A vocoder that hums at its own frame rate comes near a recording's spectrum whatever pitch it is asked for. So
families that speak at a given pitch speak at the recorded one and at others, and what sounds is tracked.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs.errors import UserError
from configs.train_acoustic import ListeningSettings
from models.frontend.f0 import track_pitch
from models.metrics.frame_lines import frame_line_db
from models.metrics.pitch import CENTS_PER_OCTAVE, pitch_error
from tasks.finetune.listener import Listener

logger = logging.getLogger(__name__)

TRACKER = "dio"
"""The fastest tracker: a validation must not take longer than the steps between two of them."""

SHIFTS = (0.8, 1.0, 1.25)
"""Of the recorded pitch. Whoever says the same at each of them does not correlate with what is asked."""


HEARD = ("f0_correlation", "f0_cents", "frame_line_db", "misheard", "misheard_recorded")
"""What a voice's card tells of its sound."""


class Rendering(NamedTuple):
    """What was asked for, and what sounds."""

    asked_hz: NDArray[np.floating]
    """[T], 0 where unvoiced."""
    wave: Tensor
    """[S] in -1..1, T frames."""


class Grid(NamedTuple):
    """The frames of pitch, which are those that a vocoder makes sound of."""

    sample_rate: int
    hop_samples: int


def tracked_hz(wave: Tensor, frames: int, grid: Grid) -> NDArray[np.float32]:
    """[T] pitch of a wave [S], 0 where unvoiced."""
    samples = wave.float().cpu().numpy()
    return track_pitch(samples, grid.sample_rate, grid.hop_samples, frames, TRACKER).f0_hz


def pitch_kept(renderings: Sequence[Rendering], grid: Grid) -> dict[str, Tensor]:
    """How well renderings of one clip follow the pitch that was asked for, over the frames of all of them.

    - `f0_correlation`: Pearson's, of log F0 over the frames that both voice. Below three such frames, and for
      a constant hum, it counts as 0: nothing of the melody was found again.
    - `f0_cents`: median distance over the same frames; an octave where there are none.
    - `voicing_error`: share of frames on whose voicing they disagree, 0-1.
    - `f0_frames`: frames that both voice, which is what the first two rest on.
    - `frame_line_db`: see `models.metrics.frame_lines`; missing where all are too short for it.
    """
    heard = [tracked_hz(each.wave, len(each.asked_hz), grid) for each in renderings]
    found = pitch_error(np.concatenate([each.asked_hz for each in renderings]), np.concatenate(heard))
    lines = [
        frame_line_db(each.wave.float().cpu().numpy(), grid.sample_rate, grid.sample_rate / grid.hop_samples)
        for each in renderings
    ]
    values = {
        "f0_correlation": 0.0 if math.isnan(found.correlation) else found.correlation,
        "f0_cents": CENTS_PER_OCTAVE if math.isnan(found.median_cents) else found.median_cents,
        "voicing_error": found.voicing_error,
        "f0_frames": float(found.voiced_frames),
    }
    if known := [line for line in lines if math.isfinite(line)]:
        values["frame_line_db"] = float(np.mean(known))
    return {name: torch.tensor(value) for name, value in values.items()}


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


@dataclass(frozen=True)
class PitchRule:
    """When a training's sound ignores pitch, and what becomes of it.

    Attributes:
        section: Of the settings, for messages: `train.kokoro`.
        settings: Of listening.
        remedy: What a person can do.
    """

    section: str
    settings: ListeningSettings
    remedy: str

    def broken(self, point: Mapping[str, float]) -> str | None:
        """What to say of a validation whose sound ignores pitch; None where it does not, or was not heard."""
        correlation, least = point.get("f0_correlation"), self.settings.min_correlation
        if correlation is None or correlation >= least:
            return None
        return (
            f"{self.section}: at step {int(point['step'])} the sound does not follow the pitch that it is "
            f"asked for: correlation {correlation:.2f}, where {self.section}.listening.min_correlation is "
            f"{least:g}, {point['f0_cents']:.0f} cents off; {self.remedy}"
        )

    def heed(self, point: Mapping[str, float], steps: int) -> None:
        """Warn of a validation of a run of so many steps, or stop it.

        Raises:
            UserError: the sound ignores pitch, past the share of the steps from which it must not, and the
                settings want such a training to stop.
        """
        if point["step"] < self.settings.from_share * steps or (message := self.broken(point)) is None:
            return
        if self.settings.ignored == "stop":
            raise UserError(f"{message}. It was stopped (listening.ignored = stop)")
        logger.warning("%s", message)
