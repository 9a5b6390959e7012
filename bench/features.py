"""Core-seconds per second of audio of every feature, one thread, and agreement of the pitch trackers.

    python -m bench.features [FOLDER]

FOLDER: wav or flac files (at most 20 are used); without one, tones stand in for speech and only the cost
says anything. Prints a JSON object and writes it to `bench/results/features.json`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from bench.measuring import results
from configs.compute import ComputeSettings
from configs.content import ContentSettings
from configs.family import FamilySettings
from configs.pitch import PitchSettings
from configs.spectrogram import SpectrogramSettings
from models.frontend.audio import Samples, decode_flac, encode_flac
from models.frontend.f0 import METHODS
from models.frontend.text.g2p import phonemize
from models.frontend.text.phonemized import choose_table
from tasks.features.stages import CONTENT, PITCH, SPECTROGRAM
from tasks.stage import RowStage, function_of, view

MAX_FILES = 20
SLOW_METHODS = ("crepe-full",)
SLOW_CLIPS = 2
SENTENCES = {
    "en": "The committee met on 3 October 1990 and spent $12.50 on well-known books.",
    "de": "Am 3. Oktober 1990 kostete das Buch ca. 12,50 Euro, sagte die Bürgermeisterin.",
    "zh": "委员会在1990年10月3日开会，花了12.5元买书。",
    "sv": "Kommittén träffades den 3 oktober 1990 och köpte 25 böcker.",
}


def recordings(folder: Path | None) -> list[dict[str, Any]]:
    """Rows as the enhance stage gives them."""
    if folder is None:
        return [_row(f"tone_{n}", _tone(110.0 + 20 * n), 24_000) for n in range(4)]
    import soundfile

    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac"))
    rows = []
    for path in paths[:MAX_FILES]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        rows.append(_row(path.stem, samples.mean(axis=1), rate))
    return rows


def core_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of one call, after which its result."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def main() -> None:
    """Measure, print, write."""
    torch.set_num_threads(1)
    rows = recordings(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    report: dict[str, Any] = {"clips": len(rows), "audio_s": round(_audio_s(rows), 1)}
    report["core_s_per_audio_s"] = cost = {}
    _run(SPECTROGRAM, rows[:1], _settings())
    cost["spectrogram"] = _cost(SPECTROGRAM, rows, _settings())[0]
    cost["content mfcc"] = _cost(CONTENT, rows, _settings())[0]
    tracks: dict[str, list[np.ndarray]] = {}
    for method in METHODS:
        chosen = rows[:SLOW_CLIPS] if method in SLOW_METHODS else rows
        _run(PITCH, rows[:1], _settings(method))
        cost[f"pitch {method}"], made = _cost(PITCH, chosen, _settings(method))
        tracks[method] = [np.array(row["f0_hz"]) for row in made]
    report["pitch_against_harvest"] = {
        method: _agreement(tracks[method], tracks["harvest"]) for method in METHODS
    }
    report["phonemize_ms_per_sentence"] = {
        language: _phonemize_ms(text, language) for language, text in SENTENCES.items()
    }
    results.write("features", report)


def _settings(method: str = "dio") -> SimpleNamespace:
    features = SimpleNamespace(
        pitch=PitchSettings(method=method), spectrogram=SpectrogramSettings(), content=ContentSettings()
    )
    compute = ComputeSettings(device="cpu")
    return SimpleNamespace(family=FamilySettings(), features=features, compute=compute)


def _run(stage: RowStage, rows: list[dict[str, Any]], settings: Any) -> list[dict[str, Any]]:
    outcomes = function_of(stage)(rows, view(stage, settings), {})
    return [row for outcome in outcomes for row in outcome.rows]


def _cost(stage: RowStage, rows: list[dict[str, Any]], settings: Any) -> tuple[float, list[dict[str, Any]]]:
    seconds, made = core_seconds(lambda: _run(stage, rows, settings))
    return round(seconds / _audio_s(rows), 4), made


def _agreement(found: list[np.ndarray], reference: list[np.ndarray]) -> dict[str, float]:
    """Voicing decisions shared, and voiced frames within a quarter tone, both 0-1."""
    pairs = list(zip(found, reference, strict=False))
    ours, theirs = (np.concatenate(side) for side in zip(*pairs, strict=True))
    both = (ours > 0) & (theirs > 0)
    cents = 1200 * np.abs(np.log2(ours[both] / theirs[both]))
    return {
        "same_voicing": round(float(((ours > 0) == (theirs > 0)).mean()), 3),
        "within_50_cents": round(float((cents < 50).mean()), 3),
    }


def _phonemize_ms(text: str, language: str) -> float:
    table = choose_table(language, "gpt-sovits-v2")
    phonemize(text, language, table)
    repeats = 50
    seconds, _ = core_seconds(lambda: [phonemize(text, language, table) for _ in range(repeats)])
    return round(1000 * seconds / repeats, 3)


def _row(name: str, samples: Samples, rate: int) -> dict[str, Any]:
    return {
        "utterance_id": name,
        "source_digest": "",
        "audio": encode_flac(samples, rate),
        "sample_rate": rate,
    }


def _audio_s(rows: list[dict[str, Any]]) -> float:
    return sum(len(decode_flac(row["audio"]).samples) / row["sample_rate"] for row in rows)


def _tone(f0_hz: float) -> Samples:
    phase = 2 * np.pi * f0_hz * np.arange(24_000 * 5) / 24_000
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    return (0.2 * tone / np.abs(tone).max()).astype(np.float32)


if __name__ == "__main__":
    main()
