"""Measures of every utterance as it was recorded, which screening judges later; only the hopeless are refused
here. What is cleaned or levelled afterwards keeps them: cleaning must not hide what a recording is like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.measure import MeasureSettings
from models.frontend.activity import analyse_activity
from models.frontend.audio import decode_flac
from models.frontend.quality import measure_quality
from tasks.stage import ConfigView, Outcome, reject


def measure_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Quality of each utterance."""
    del files
    return [_measure(row, cfg.corpus.measure) for row in rows]


def _measure(row: dict[str, Any], settings: MeasureSettings) -> Outcome:
    audio = decode_flac(row["audio"])
    activity = analyse_activity(audio.samples, audio.sample_rate)
    row_id = row["utterance_id"]
    if activity.level_dbfs < settings.silent_dbfs:
        return Outcome(
            rejects=[
                reject(
                    row_id,
                    "silent",
                    "level_dbfs",
                    f"{activity.level_dbfs:.1f}",
                    f"the loudest parts stay below corpus.measure.silent_dbfs = {settings.silent_dbfs:g}",
                    "Remove the utterance, or record it closer to the microphone.",
                )
            ]
        )
    quality = measure_quality(audio.samples, audio.sample_rate, activity)
    speech_s = min(quality.speech_s, activity.speech_s)
    if speech_s < settings.min_speech_s:
        return Outcome(
            rejects=[
                reject(
                    row_id,
                    "no_speech",
                    "speech_s",
                    f"{speech_s:.2f}",
                    f"less speech than corpus.measure.min_speech_s = {settings.min_speech_s:g}",
                    "Remove the utterance, or lower the threshold for very short words.",
                )
            ]
        )
    measured = quality._asdict() | {"utterance_id": row_id, "source_digest": row["source_digest"]}
    return Outcome(rows=[measured])
