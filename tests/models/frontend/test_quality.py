"""Quality measures against signals and mixtures whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from models.frontend.quality import bandwidth_hz, clipping_ratio, wada_snr_db

RATE = 24000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)).astype(np.float32)


def test_more_noise_lowers_the_estimate_by_as_much(speech: Path) -> None:
    import soundfile

    clip = sorted((speech / "ljs-mini" / "wavs").iterdir())[0]
    clean, rate = soundfile.read(clip, dtype="float32")
    hiss = np.random.default_rng(1).standard_normal(clean.size) * clean.std()
    estimates = []
    for snr_db in (0.0, 5.0, 10.0, 15.0, 20.0):
        mixture = clean + 10 ** (-snr_db / 20) * hiss
        estimates.append(wada_snr_db(0.3 * mixture.astype(np.float32), rate))
        assert estimates[-1] == pytest.approx(snr_db, abs=3.0)
    assert estimates == sorted(estimates)


def test_snr_of_real_mixtures(speech: Path) -> None:
    import soundfile

    folder = speech / "noisy-pairs"
    errors = []
    for pair in json.loads((folder / "truth.json").read_text(encoding="utf-8")):
        if pair["kind"] not in ("white", "pink", "hum50", "babble"):
            continue
        samples, rate = soundfile.read(folder / "wavs" / f"{pair['noisy']}.flac", dtype="float32")
        errors.append(wada_snr_db(samples, rate) - pair["snr_db"])
    assert np.max(np.abs(errors)) < 4.0
    assert np.median(np.abs(errors)) < 2.5


def test_an_offset_does_not_look_like_noise(speech: Path) -> None:
    import soundfile

    clip = sorted((speech / "ljs-mini" / "wavs").iterdir())[0]
    samples, rate = soundfile.read(clip, dtype="float32")
    assert wada_snr_db(samples + np.float32(0.01), rate) == pytest.approx(wada_snr_db(samples, rate), abs=3.0)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_clipping_is_seen_at_full_scale_and_after_turning_down(scale: float) -> None:
    assert clipping_ratio(0.3 * noise(2)) < 1e-4
    smooth = sosfilt(butter(2, 500, fs=RATE, output="sos"), noise(2))
    smooth = smooth / np.abs(smooth).max()
    assert clipping_ratio(smooth.astype(np.float32)) < 1e-3
    flattened = np.clip(smooth, -0.5, 0.5).astype(np.float32) * np.float32(2 * scale)
    assert clipping_ratio(flattened) == pytest.approx(np.mean(np.abs(smooth) >= 0.5), abs=0.02)


@pytest.mark.parametrize("cut_hz", [3400.0, 8000.0])
def test_bandwidth_is_where_the_spectrum_ends(cut_hz: float) -> None:
    limited = sosfilt(butter(16, cut_hz, fs=RATE, output="sos"), noise(3)).astype(np.float32)
    assert bandwidth_hz(limited, RATE) == pytest.approx(cut_hz, rel=0.6)
    assert bandwidth_hz(limited, RATE) >= cut_hz
    assert bandwidth_hz(noise(3), RATE) > 11000


def test_silence_is_not_clipped() -> None:
    assert clipping_ratio(np.zeros(100, np.float32)) == 0.0
    assert clipping_ratio(np.full(100, 5e-4, np.float32)) == 0.0
