"""Stage pitch: fundamental frequency on the spectrogram's frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.frontend.f0 import track_pitch
from tasks.features.frames import (
    family_frame_count,
    family_wave,
    first_frame_centre,
)
from tasks.stage import ConfigView, Outcome


def pitch_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row, with exactly as many frames as the spectrogram.

    Raises UserError when a network tracks and the device cannot be had.
    """
    del files
    if not cfg.features.pitch.method.startswith("crepe"):
        return [_pitch_row(row, cfg, "cpu") for row in rows]
    # The other trackers need no torch.
    from tasks.device import chosen_device, full_fp32

    device = str(chosen_device(cfg.compute.device))
    with full_fp32():
        return [_pitch_row(row, cfg, device) for row in rows]


def _pitch_row(row: dict[str, Any], cfg: ConfigView, device: str) -> Outcome:
    samples = family_wave(row, cfg.family)
    settings = cfg.features.pitch
    pitch = track_pitch(
        samples,
        cfg.family.sample_rate,
        cfg.family.hop_samples,
        family_frame_count(len(samples), cfg.family),
        settings.method,
        settings.f0_min_hz,
        settings.f0_max_hz,
        first_frame_centre(cfg.family),
        device,
    )
    warnings = [] if pitch.voiced.any() else [f"{row['utterance_id']}: {settings.method} found no pitch"]
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "f0_hz": pitch.f0_hz.tolist(),
        "voiced": pitch.voiced.tolist(),
        "frame_rate_hz": pitch.frame_rate_hz,
    }
    return Outcome(rows=[made], warnings=warnings)
