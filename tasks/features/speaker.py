"""Who speaks: one embedding per utterance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.naming import named_in
from configs.speaker import SpeakerSettings
from models.frontend.activity import analyse_activity
from models.frontend.audio import decode_flac
from models.speaker.encoder import embed_speaker
from tasks.stage import ConfigView, Outcome


def speaker_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Embedding of each utterance."""
    del files
    return [Outcome(rows=[_embed(row, cfg.features.speaker)]) for row in rows]


def _embed(row: dict[str, Any], settings: SpeakerSettings) -> dict[str, Any]:
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
        )
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "speaker": row["speaker"],
        "embedding": embedding.tolist(),
        "backend": settings.backend,
    }
