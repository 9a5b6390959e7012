"""What removing noise gives and takes, and whether a room is heard, by mixtures and rooms that are known.

    python -m bench.denoising SPEECH [MODELS]

SPEECH: a folder of corpora with `wavs`, among them `noisy-pairs` with `truth.json` (clean and noisy file,
kind, signal-to-noise ratio) and `metadata.csv` (id|text). MODELS: a folder with `whisper-base` and
`whisper-tiny.en`, which hear the recordings before and after; without it no words are counted. Rooms are
made of noise that dies away exponentially, alone or after the direct sound. Prints a JSON object and writes
it to `bench/results/denoising.json`.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from bench.measuring import results
from configs.enhance import EnhanceSettings
from configs.screen import ScreenSettings
from models.frontend.asr import recognise_whisper, word_errors
from models.frontend.audio import resample
from models.frontend.denoise import remove_noise
from models.frontend.quality import wada_snr_db
from models.frontend.reverberation import reverberation_s

WHISPER_RATE = 16_000
LIMITS_DB = (100.0, 20.0, 12.0)
DRY = ("ljs-mini", "kerstin-de", "libri-multi", "kathleen")
CONVOLVED_CLIPS = 20
ROOMS = ((0.2, None), (0.4, None), (0.6, None), (0.8, None), (1.2, None), (0.6, 0.0), (0.6, 6.0))
"""Seconds to fall by 60 dB, and how much louder the direct sound is, dB; None: there is none."""

Samples = NDArray[np.float32]


class Pair(NamedTuple):
    """A mixture and what was mixed."""

    name: str
    kind: str
    snr_db: float | None
    language: str
    text: str
    clean: Samples
    noisy: Samples
    rate: int


def pairs(folder: Path) -> Iterator[Pair]:
    """Those of `truth.json`."""
    lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    texts = dict(line.split("|")[:2] for line in lines)
    for entry in json.loads((folder / "truth.json").read_text(encoding="utf-8")):
        own = "/" in entry["clean"]
        clean, _ = read(folder / (entry["clean"] if own else f"wavs/{entry['clean']}.flac"))
        noisy, rate = read(folder / "wavs" / f"{entry['noisy']}.flac")
        language = "de" if "-de/" in entry["clean"] else "en"
        text = texts[entry["noisy"]]
        yield Pair(entry["noisy"], entry["kind"], entry["snr_db"], language, text, clean, noisy, rate)


def read(path: Path) -> tuple[Samples, int]:
    """Mono samples and their rate."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.mean(axis=1)), rate


def si_sdr_db(clean: Samples, heard: Samples) -> float:
    """Le Roux et al. 2019 (arXiv:1811.02508): what of `heard` is the clean speech, at whatever level."""
    n = min(len(clean), len(heard))
    a, b = (x[:n] - x[:n].mean(dtype=np.float64) for x in (clean, heard))
    wanted = (a @ b) / (a @ a) * a
    return float(10 * np.log10((wanted @ wanted) / ((b - wanted) @ (b - wanted))))


def noise_rows(speech: Path, models: Path | None) -> Iterator[dict[str, Any]]:
    """One row per mixture."""
    threshold = EnhanceSettings().denoise_below_db
    for pair in pairs(speech / "noisy-pairs"):
        cleaned = {limit: remove_noise(pair.noisy, pair.rate, limit) for limit in LIMITS_DB}
        measured = wada_snr_db(pair.noisy, pair.rate)
        row: dict[str, Any] = {
            "name": pair.name,
            "kind": pair.kind,
            "snr_db": pair.snr_db,
            "measured_snr_db": round(measured, 1),
            "is_cleaned": measured < threshold,
        }
        if pair.snr_db is not None:  # a room is not in step with what was said in it
            row["si_sdr_db"] = round(si_sdr_db(pair.clean, pair.noisy), 1)
            for limit, made in cleaned.items():
                row[f"si_sdr_db_{limit:g}"] = round(si_sdr_db(pair.clean, made), 1)
        if models is not None:
            forms = {"clean": pair.clean, "noisy": pair.noisy, "cleaned": cleaned[LIMITS_DB[0]]}
            row["word_errors"] = {form: _errors(wave, pair, models) for form, wave in forms.items()}
        print(row, file=sys.stderr, flush=True)
        yield row


def _errors(wave: Samples, pair: Pair, models: Path) -> dict[str, list[int]]:
    """Errors and words by recogniser."""
    names = ["whisper-base"] + (["whisper-tiny.en"] if pair.language == "en" else [])
    heard = resample(wave, pair.rate, WHISPER_RATE)
    return {
        name: list(
            word_errors(pair.text, recognise_whisper(heard, models / name, pair.language, beam_size=5).text)
        )
        for name in names
    }


def by_level(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means of the mixtures of one level; rooms stand by themselves."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        snr_db = row["snr_db"]
        groups["room of .6 s" if snr_db is None else f"{5 * round(snr_db / 5)} dB"].append(row)
    return [_level(name, own) for name, own in sorted(groups.items(), key=lambda g: _number(g[0]))]


def _number(name: str) -> float:
    return float(name.split()[0]) if name.endswith("dB") else 99.0


def _level(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"level": name, "clips": len(rows)}
    found["cleaned_by_default"] = sum(row["is_cleaned"] for row in rows)
    for key in ("si_sdr_db", *(f"si_sdr_db_{limit:g}" for limit in LIMITS_DB)):
        if key in rows[0]:
            found[key] = round(float(np.mean([row[key] for row in rows])), 1)
    for form in rows[0].get("word_errors", ()):
        for listener in ("whisper-base", "whisper-tiny.en"):
            counted = [row["word_errors"][form].get(listener, (0, 0)) for row in rows]
            errors, words = (sum(column) for column in zip(*counted, strict=True))
            if words:
                found[f"{listener} {form}"] = f"{errors}/{words}"
    return found


def rooms(speech: Path) -> dict[str, Any]:
    """Reverberation of dry corpora and of the same clips in made rooms, with the clips that warn."""
    warns = ScreenSettings().warn_reverberation_s
    found = {}
    for corpus in DRY:
        paths = sorted((speech / corpus / "wavs").glob("*.*"))
        found[f"{corpus}, as recorded"] = _room_row([reverberation_s(*read(p)) for p in paths], warns)
        rng = np.random.default_rng(0)
        for seconds, direct_db in ROOMS:
            chosen = [read(path) for path in paths[:: max(1, len(paths) // CONVOLVED_CLIPS)]][
                :CONVOLVED_CLIPS
            ]
            wet = [reverberation_s(in_room(*clip, seconds, direct_db, rng), clip[1]) for clip in chosen]
            direct = "" if direct_db is None else f", direct sound {direct_db:+g} dB"
            found[f"{corpus}, room of {seconds:g} s{direct}"] = _room_row(wet, warns)
        print(json.dumps(found), file=sys.stderr, flush=True)
    return found


def in_room(
    samples: Samples, rate: int, seconds: float, direct_db: float | None, rng: np.random.Generator
) -> Samples:
    """`[T]` as heard in a room of exponentially dying noise."""
    n = int(1.2 * seconds * rate)
    tail = rng.standard_normal(n) * np.exp(-np.log(1000) * np.arange(n) / (seconds * rate))
    if direct_db is not None:
        tail[: rate // 400] = 0.0
    tail /= np.sqrt(np.sum(tail**2))
    if direct_db is not None:
        tail *= 10 ** (-direct_db / 20)
        tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def _room_row(measured: list[float | None], warns: float) -> dict[str, Any]:
    told = [value for value in measured if value is not None]
    return {
        "clips": len(measured),
        "untold": len(measured) - len(told),
        "warned": sum(value > warns for value in told),
        "seconds_p5_p50_p95": [round(float(np.percentile(told, q)), 2) for q in (5, 50, 95)],
    }


def main() -> None:
    """Measure, print, write; without a folder there is nothing to hear."""
    if len(sys.argv) < 2:
        print("bench/denoising.py: give a folder of corpora, and one of recognisers")
        return
    speech = Path(sys.argv[1])
    models = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    rows = list(noise_rows(speech, models))
    results.write("denoising", {"noise": by_level(rows), "mixtures": rows, "rooms": rooms(speech)})


if __name__ == "__main__":
    main()
