"""Whether what sounds has the pitch that was asked for: what a validation says beside its losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.frontend.f0 import track_pitch
from models.metrics.frame_lines import frame_line_db
from models.metrics.pitch import CENTS_PER_OCTAVE, pitch_error

TRACKER = "dio"
"""The fastest tracker: a validation must not take longer than the steps between two of them."""


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
