"""Clips with noise of known levels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from tests.speech.clips import Samples, listed, read_aloud, readers

KINDS = ("white", "pink", "hum50", "babble")
LEVELS_DB = (10, 20, 5, 0)


def write_noisy(folder: Path) -> None:
    """`wavs/NAME.flac`, `metadata.csv` and `truth.json`: two English and two German clips beside every noise.

    The kinds are `white`, `pink`, `hum50` (mains) and `babble` (six people, twice); levels are of powers over
    the whole clip. The clean clips are those of the folders `ljs-mini` and `kerstin-de` beside this one.
    """
    (folder / "wavs").mkdir(parents=True)
    truth, texts = [], []
    clips = [("ljs-mini", clip) for clip in read_aloud()[:2]]
    clips += [("kerstin-de", clip) for clip in listed("kerstin")[:2]]
    for shift, (corpus, clip) in enumerate(clips):
        clean, rate = clip.read()
        for number, kind in enumerate(KINDS):
            snr_db = LEVELS_DB[(number + shift) % len(LEVELS_DB)]
            name = f"{clip.name}_{kind}_{snr_db:02d}dB"
            soundfile.write(
                folder / "wavs" / f"{name}.flac", _mixed(clean, rate, kind, snr_db), rate, "PCM_16"
            )
            path = f"../{corpus}/wavs/{clip.name}.flac"
            truth.append({"clean": path, "noisy": name, "kind": kind, "snr_db": snr_db, "sr": rate})
            texts.append(f"{name}|{clip.text}\n")
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    (folder / "metadata.csv").write_text("".join(texts), encoding="utf-8")


def _mixed(clean: Samples, rate: int, kind: str, snr_db: float) -> Samples:
    noise = _noise(kind, len(clean), rate)
    gain = np.sqrt((clean**2).mean() / (noise**2).mean()) * 10 ** (-snr_db / 20)
    noisy = clean + gain * noise
    return noisy * min(1.0, 0.99 / float(np.abs(noisy).max()))


def _noise(kind: str, n_samples: int, rate: int) -> Samples:
    rng = np.random.default_rng(0)
    white = rng.standard_normal(n_samples)
    if kind == "white":
        return white
    if kind == "pink":
        spectrum = np.fft.rfft(white)
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        return np.fft.irfft(spectrum, n_samples)
    if kind == "hum50":
        time_s = np.arange(n_samples) / rate
        return sum(np.sin(2 * np.pi * 50 * h * time_s + h) / h for h in range(1, 9))
    babble = np.zeros(n_samples)
    for number, sentences in enumerate(readers(rate).values()):
        voice = np.concatenate([one / one.std() for one in sentences])
        for shift in (0.0, 0.5):
            babble += np.resize(np.roll(voice, int((shift + 0.05 * number) * len(voice))), n_samples)
    return babble
