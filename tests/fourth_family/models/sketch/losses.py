"""What Sketch learns by."""

from __future__ import annotations

import torch
from torch import Tensor

from models.acoustics.batch import AcousticBatch
from models.sketch.model import Sketch

WEIGHTS = {"mel": 1.0, "duration": 0.3}


def sketch_losses(model: Sketch, batch: AcousticBatch) -> dict[str, Tensor]:
    """Mean distances of a batch, over the frames and characters that clips have.

    Returns:
        `mel`, the absolute distance of the normalised mel; `duration`, the squared one of logarithms.
    """
    mel, logarithms = model(batch.tokens, batch.durations)
    device = batch.tokens.device
    frames = (
        torch.arange(mel.shape[2], device=device) < torch.tensor(batch.mel_lengths, device=device)[:, None]
    )
    spoken = batch.durations > 0
    wanted = batch.durations.clamp(min=1).float().log()
    return {
        "mel": (mel - batch.mel[..., : mel.shape[2]]).abs().mean(1)[frames].mean(),
        "duration": (logarithms - wanted).square()[spoken].mean(),
    }
