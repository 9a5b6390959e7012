"""Who speaks: one embedding per utterance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from configs.naming import named_in
from configs.speaker import SpeakerSettings
from models.frontend.activity import analyse_activity
from models.frontend.audio import decode_flac
from models.speaker.encoder import embed_speaker
from tasks.device import CPU, chosen_device, full_fp32
from tasks.stage import ConfigView, Outcome


def speaker_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Embedding of each utterance.

    Raises:
        UserError: the encoder's weights, or the device, cannot be had.
    """
    del files
    settings: SpeakerSettings = cfg.features.speaker
    device = chosen_device(cfg.compute.device) if settings.backend == "ecapa" else CPU
    with full_fp32():
        return [Outcome(rows=[_embed(row, settings, device)]) for row in rows]


def _embed(row: dict[str, Any], settings: SpeakerSettings, device: torch.device) -> dict[str, Any]:
    audio = decode_flac(row["audio"])
    activity = analyse_activity(audio.samples, audio.sample_rate)
    with named_in("features.speaker"):
        embedding = embed_speaker(
            audio.samples,
            audio.sample_rate,
            activity,
            settings.backend,
            settings.model,
            settings.download,
            device,
        )
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "speaker": row["speaker"],
        "embedding": embedding.tolist(),
        "backend": settings.backend,
    }
