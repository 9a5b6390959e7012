"""Samples and their measures as the report shows them: recording beside renderings, path beside path."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models.frontend.audio import decode_flac
from tasks.release.page import Comparison, Metric, Sound

PATHS = {
    "recording": "Recording",
    "posterior": "Resynthesis",
    "resynthesis": "Resynthesis",
    "timed": "With its timing",
    "codes": "From its codes",
    "text": "Text to speech",
    "sentences": "New sentences",
    "t2s": "Decoder, training clips",
}
NAMES = {
    "word_error_rate": ("Words misheard", "per word", "lower"),
    "character_error_rate": ("Characters misheard", "per character", "lower"),
    "independent_similarity": ("Speaker similarity, by another", "", "higher"),
    "dnsmos": ("Naturalness", "of 5", "higher"),
    "distillmos": ("Naturalness, by another", "of 5", "higher"),
    "speaker_similarity": ("Speaker similarity", "", "higher"),
    "mel_distance_db": ("Mel distance", "dB", "lower"),
    "warped_mel_distance_db": ("Mel distance, warped", "dB", "lower"),
    "f0_rmse_cents": ("Pitch error", "cents", "lower"),
    "warped_f0_rmse_cents": ("Pitch error, warped", "cents", "lower"),
    "f0_correlation": ("Pitch correlation", "", "higher"),
    "voicing_error": ("Voicing error", "", "lower"),
    "f0_frames": ("Frames both voice", "", "higher"),
    "mel_cepstral_distortion_db": ("Mel-cepstral distortion", "dB", "lower"),
    "clicks_per_minute": ("Clicks", "per minute", "lower"),
    "clipped_share": ("Clipped samples", "", "lower"),
    "dc_offset": ("DC offset", "", "lower"),
    "silence_share": ("Silence", "", ""),
    "duration_error_percent": ("Duration error", "%", "lower"),
    "recalled_codes": ("Codes given back", "", "higher"),
    "recalled_codes_edit": ("Codes given back, by edits", "", "higher"),
}
MAX_COMPARED_S = 120.0


def comparisons(files: Mapping[str, Path]) -> Iterator[Comparison]:
    """Clip by clip, the recording and its renderings; as many clips as keep the page small.

    Args:
        files: the files of the stage `synthesize`.
    """
    listing = json.loads(files["samples.json"].read_text(encoding="utf-8"))
    by_clip: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in listing:
        by_clip[entry["utterance_id"]].append(entry)
    shown_s = 0.0
    for name, entries in by_clip.items():
        length_s = sum(entry["duration_s"] for entry in entries)
        if shown_s and shown_s + length_s > MAX_COMPARED_S:
            continue
        shown_s += length_s
        first = entries[0]
        parts = {"train": "a clip that it learned from", "none": "in no corpus"}
        part = parts.get(first["split"], f"held-out clip ({first['split']})")
        yield Comparison(
            title=f"{name} · {part}",
            text=first["text"],
            language=first["language"],
            sounds=tuple(_sound(entry, files[entry["file"]]) for entry in entries),
        )


def metrics(files: Mapping[str, Path]) -> Iterator[Metric]:
    """One line per measure with the mean of every path that has it.

    Args:
        files: the files of the stage `evaluate`.
    """
    means = json.loads(files["evaluation.json"].read_text(encoding="utf-8"))["metrics"]
    values: dict[str, dict[str, float]] = defaultdict(dict)
    meaning: dict[str, str] = {}
    for full_name, measured in means.items():
        path, _, name = full_name.partition("/")
        values[name][PATHS.get(path, path)] = measured["mean"]
        meaning[name] = measured["about"].partition(": ")[2]
    for name in sorted(values, key=_position):
        title, unit, better = NAMES.get(name, (name.replace("_", " "), "", ""))
        yield Metric(title, unit, better, meaning[name], values[name])


def _position(name: str) -> tuple[int, str]:
    known = list(NAMES)
    return (known.index(name) if name in known else len(known), name)


def _sound(entry: Mapping[str, Any], path: Path) -> Sound:
    wave = decode_flac(path.read_bytes())
    about = entry["about"]
    if entry["cut_off"]:
        about = f"{about}; cut off, because no end was found"
    return Sound(PATHS.get(entry["kind"], entry["kind"]), wave.samples, wave.sample_rate, about)
