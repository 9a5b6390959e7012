"""One call for a speaker embedding, whichever network makes it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.frontend.activity import ANALYSIS_RATE, Activity, pause_mask, runs
from models.frontend.audio import resample
from models.speaker.ecapa import CPU, embed_ecapa
from models.speaker.ge2e import embed_ge2e
from models.speaker.pooled import embed_pooled

Backend = Literal["resemblyzer", "ecapa", "wavlm"]

_KEPT_PAUSE_FRAMES = 20


def embed_speaker(
    samples: NDArray[np.float32],
    sample_rate: int,
    activity: Activity,
    backend: Backend,
    model: str,
    download: bool,
    device: torch.device = CPU,
) -> NDArray[np.float32]:
    """Unit-length float32 embedding of who speaks in `[T]`: `[256]`, from ecapa `[192]`, from wavlm `[2 D]`.

    device: Where ecapa computes; resemblyzer's network is small and stays on the CPU.

    Raises:
        UserError: the backend's weights are not at hand.
    """
    speech = without_pauses(resample(samples, sample_rate, ANALYSIS_RATE), activity)
    if backend == "ecapa":
        return embed_ecapa(speech, model, download, device).astype(np.float32)
    if backend == "wavlm":
        return embed_pooled(speech, model).astype(np.float32)
    return embed_ge2e(speech).astype(np.float32)


def without_pauses(samples_16k: NDArray[np.float32], activity: Activity) -> NDArray[np.float32]:
    """`[T]` at 16 kHz less all of every pause beyond its first 0.2 s; unchanged if all is pause."""
    drop = np.zeros(samples_16k.size, dtype=bool)
    hop = ANALYSIS_RATE // 100
    for start, end in runs(pause_mask(activity)):
        drop[(start + _KEPT_PAUSE_FRAMES) * hop : end * hop] = True
    return samples_16k if drop.all() else np.ascontiguousarray(samples_16k[~drop])
