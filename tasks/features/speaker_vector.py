"""Stage speaker_vector: what v2Pro hears of the speaker, one vector per clip; empty for other versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from configs.naming import named_in
from configs.speaker_vector import SpeakerVectorSettings
from models.frontend.audio import decode_flac
from models.frontend.level import training_gain
from models.speaker.eres2netv2 import embed_speaker_vector
from tasks.device import CPU, chosen_device, full_fp32
from tasks.stage import ConfigView, Outcome, reject


def speaker_vector_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row.

    Raises UserError when the network's weights or the device cannot be had.
    """
    del files
    settings: SpeakerVectorSettings = cfg.features.speaker_vector
    device = CPU if settings.backend == "none" else chosen_device(cfg.compute.device)
    with full_fp32():
        return [_speaker_vector_row(row, settings, device) for row in rows]


def _speaker_vector_row(
    row: dict[str, Any], settings: SpeakerVectorSettings, device: torch.device
) -> Outcome:
    vector = b""
    if settings.backend == "eres2netv2":
        clip = decode_flac(row["audio"])
        try:
            with named_in("features.speaker_vector"):
                samples = clip.samples * np.float32(training_gain(clip.samples))
                vector = embed_speaker_vector(samples, clip.sample_rate, settings.model, device).tobytes()
        except ValueError as error:
            refusal = reject(
                row["utterance_id"],
                "too_short",
                "duration_s",
                f"{len(clip.samples) / clip.sample_rate:.4f}",
                str(error),
                "Remove the clip.",
            )
            return Outcome(rejects=[refusal])
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "vector": vector,
        "backend": settings.backend,
    }
    return Outcome(rows=[made])
