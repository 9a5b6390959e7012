"""Enhancement is off unless asked for, and measures are those of the audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.frontend.audio import decode_flac
from models.frontend.loudness import integrated_loudness, true_peak_dbfs
from models.frontend.quality import wada_snr_db
from tasks.corpus.stages import ENHANCE, MEASURE
from tests.tasks.corpus.stage_inputs import read, recording, run_one, settings


def utterance(samples: np.ndarray, rate: int, **columns: Any) -> dict[str, Any]:
    return recording(samples, rate) | {"utterance_id": "u"} | columns


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


def test_denoising_raises_the_signal_to_noise_ratio_and_keeps_the_length(speech: Path) -> None:
    samples, rate = read(speech / "noisy-pairs" / "wavs" / "LJ001-0001_white_10dB.flac")
    cfg = settings(corpus__enhance__denoise=True)
    (made,) = run_one(ENHANCE, utterance(samples, rate), cfg).rows
    audio = decode_flac(made["audio"])
    assert audio.samples.size == samples.size
    assert wada_snr_db(audio.samples, rate) > wada_snr_db(samples, rate) + 3


@pytest.mark.parametrize("duration_s", [0.01, 0.2])
def test_a_very_short_utterance_is_processed(duration_s: float) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(int(16000 * duration_s))
    cfg = settings(corpus__enhance__denoise=True, corpus__enhance__loudness_lufs=-20.0)
    (made,) = run_one(ENHANCE, utterance(noise, 16000), cfg).rows
    assert np.isfinite(made["loudness_lufs"])


def test_measures_of_a_clean_clip(clip: tuple[np.ndarray, int]) -> None:
    (made,) = run_one(MEASURE, utterance(*clip, loudness_lufs=-20.0)).rows
    assert set(made) == set(MEASURE.schema.names)
    assert made["snr_db"] > 20
    assert made["clipping_ratio"] < 1e-3
    assert made["bandwidth_hz"] > 8000
    assert 0 < made["silence_ratio"] < 0.5
    assert made["speech_s"] == pytest.approx(clip[0].size / clip[1] * (1 - made["silence_ratio"]), rel=0.01)


def test_clipping_is_measured(clip: tuple[np.ndarray, int]) -> None:
    samples = np.clip(clip[0] * 20, -1, 1)
    (made,) = run_one(MEASURE, utterance(samples, clip[1], loudness_lufs=-5.0)).rows
    assert made["clipping_ratio"] > 0.1


def test_only_the_hopeless_are_refused() -> None:
    noise = np.random.default_rng(0).standard_normal(48000)
    quiet = run_one(MEASURE, utterance(1e-5 * noise, 16000, loudness_lufs=-70.0))
    loud = run_one(MEASURE, utterance(0.1 * noise, 16000, loudness_lufs=-20.0))
    assert [refused.code for refused in quiet.rejects] == ["silent"]
    assert [refused.code for refused in loud.rejects] == ["no_speech"]
