"""Optional cleaning of noisy utterances, and levelling; where neither is needed they pass byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.enhance import EnhanceSettings
from configs.naming import named_in
from models.frontend.audio import decode_flac, encode_flac
from models.frontend.denoise import remove_noise
from models.frontend.loudness import level
from tasks.stage import ConfigView, Outcome


def enhance_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Each utterance after what the settings ask for, with its level.

    Raises:
        UserError: noise is to be removed, and the library for it is not installed.
    """
    del files
    return [Outcome(rows=[_enhance(row, cfg.corpus.enhance)]) for row in rows]


def _enhance(row: dict[str, Any], settings: EnhanceSettings) -> dict[str, Any]:
    audio = decode_flac(row["audio"])
    samples, rate = audio.samples, audio.sample_rate
    operations = []
    noisy = settings.denoise and row["snr_db"] < settings.denoise_below_db
    if noisy:
        with named_in("corpus.enhance"):
            samples = remove_noise(samples, rate, settings.denoise_limit_db)
        operations.append(f"denoise by {settings.denoise_limit_db:g} dB at most, of {row['snr_db']:.1f} dB")
    processed = noisy or settings.loudness_lufs is not None
    # An untouched recording keeps its peak, however close to full scale.
    ceiling_dbfs = settings.true_peak_dbfs if processed else 200.0
    levelled = level(samples, rate, settings.loudness_lufs, ceiling_dbfs)
    if levelled.gain_db != 0.0:
        operations.append(f"gain {levelled.gain_db:+.2f} dB")
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "audio": encode_flac(levelled.samples, rate) if operations else row["audio"],
        "sample_rate": rate,
        "duration_s": row["duration_s"],
        "gain_db": levelled.gain_db,
        "loudness_lufs": levelled.loudness_lufs,
        "true_peak_dbfs": levelled.true_peak_dbfs,
        "operations": operations,
    }
