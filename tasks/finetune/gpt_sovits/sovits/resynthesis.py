"""Whether a resynthesis has the recording's melody: what a validation says beside its losses."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.frontend.f0 import track_pitch
from models.frontend.mel import SpectrogramParameters
from models.metrics.pitch import PitchError, pitch_error

TRACKER = "dio"
"""The fastest tracker: a validation must not take longer than the steps between two of them."""


def pitch_agreement(
    recorded: Tensor, resynthesised: Tensor, lengths: Tensor, frame: SpectrogramParameters
) -> dict[str, Tensor]:
    """Means over clips of how well a resynthesis follows the recording's pitch.

    - `f0_correlation`: Pearson's, of log F0 over the frames that both voice. A clip whose tracks share fewer
      than three voiced frames counts as 0: nothing of its melody was found again.
    - `voicing_error`: share of frames on whose voicing the tracks disagree, 0-1.
    - `f0_frames`: frames that both voice, which is what the correlation rests on.

    Args:
        recorded, resynthesised: `[B, 1, S]` waveforms in -1..1.
        lengths: `[B]` frames of each clip.
        frame: Rate and hop of both.
    """
    errors = [
        _compare(real[0, : n * frame.hop_samples], fake[0, : n * frame.hop_samples], frame)
        for real, fake, n in zip(recorded, resynthesised, lengths.tolist(), strict=True)
    ]
    correlations = [0.0 if math.isnan(f.correlation) else f.correlation for f in errors]
    return {
        "f0_correlation": torch.tensor(correlations).mean(),
        "voicing_error": torch.tensor([f.voicing_error for f in errors]).mean(),
        "f0_frames": torch.tensor([float(f.voiced_frames) for f in errors]).mean(),
    }


def _compare(recorded: Tensor, resynthesised: Tensor, frame: SpectrogramParameters) -> PitchError:
    frames = len(recorded) // frame.hop_samples
    recorded_hz, resynthesised_hz = (
        track_pitch(wave.float().cpu().numpy(), frame.sample_rate, frame.hop_samples, frames, TRACKER).f0_hz
        for wave in (recorded, resynthesised)
    )
    return pitch_error(recorded_hz, resynthesised_hz)
