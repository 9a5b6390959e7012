"""Recordings become utterances, and what cannot is refused by name."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from models.frontend.audio import decode_flac
from tasks.corpus.stages import SEGMENT
from tests.speech.joined import LJ, PEOPLE
from tests.tasks.corpus.stage_inputs import read, recording, run_one, settings

RATE = 16000


@pytest.fixture(scope="module")
def clip(speech: Path) -> tuple[np.ndarray, int]:
    return read(sorted((speech / "ljs-mini" / "wavs").iterdir())[2])


def codes(row: dict) -> list[str]:
    return [refused.code for refused in run_one(SEGMENT, row).rejects]


def test_a_clip_with_text_passes_byte_for_byte(clip: tuple[np.ndarray, int]) -> None:
    row = recording(*clip, text="words")
    outcome = run_one(SEGMENT, row)
    (utterance,) = outcome.rows
    assert utterance["audio"] == row["audio"]
    assert utterance["utterance_id"] == "r"
    assert utterance["text"] == "words"
    assert set(utterance) == set(SEGMENT.schema.names)


def test_long_outer_silence_is_trimmed_to_a_margin(clip: tuple[np.ndarray, int]) -> None:
    samples, rate = clip
    padded = np.concatenate([np.zeros(5 * rate), samples, np.zeros(9 * rate)])
    (utterance,) = run_one(SEGMENT, recording(padded, rate, text="words")).rows
    speech_s = samples.size / rate
    assert speech_s - 0.1 < utterance["duration_s"] < speech_s + 1.0
    assert utterance["start_s"] == pytest.approx(5.0, abs=0.6)
    audio = decode_flac(utterance["audio"])
    assert np.abs(audio.samples).max() == pytest.approx(np.abs(samples).max(), abs=1e-4)


@pytest.mark.slow
def test_a_long_recording_is_cut_and_its_pieces_are_where_they_say(long_recordings: Path) -> None:
    samples, rate = read(long_recordings / "wavs" / f"{LJ}.flac")
    outcome = run_one(SEGMENT, recording(samples, rate))
    assert len(outcome.rows) > 10
    assert not outcome.warnings
    for utterance in outcome.rows:
        start = round(utterance["start_s"] * rate)
        audio = decode_flac(utterance["audio"])
        piece = samples[start : start + audio.samples.size]
        np.testing.assert_allclose(audio.samples, piece, atol=1e-6)
        assert 0.99 <= utterance["duration_s"] <= 12.0
    assert all(left["end_s"] <= right["start_s"] for left, right in pairwise(outcome.rows))
    assert len({utterance["utterance_id"] for utterance in outcome.rows}) == len(outcome.rows)


@pytest.mark.slow
def test_a_long_recording_shares_its_text_out_over_its_pieces(long_recordings: Path) -> None:
    samples, rate = read(long_recordings / "wavs" / f"{LJ}.flac")
    text = (long_recordings / "metadata.csv").read_text(encoding="utf-8").split(f"{LJ}|")[1]
    text = text.split("\n")[0]
    outcome = run_one(SEGMENT, recording(samples, rate, text=text))
    assert "shared out" in outcome.warnings[0]
    # A piece of little speech may be left without a word.
    shares = [utterance["text"] for utterance in outcome.rows if utterance["text"]]
    assert len(shares) >= len(outcome.rows) - 1
    assert " ".join(shares) == " ".join(text.split())
    first = outcome.rows[0]
    assert (first["text"], first["text_before"]) == ("and used an exceedingly beautiful type,", "")
    assert first["text_after"].startswith("which is indeed")


@pytest.mark.slow
def test_other_limits_are_kept(long_recordings: Path) -> None:
    samples, rate = read(long_recordings / "wavs" / f"{PEOPLE}.flac")
    cfg = settings(corpus__segment__max_s=4.0)
    outcome = run_one(SEGMENT, recording(samples, rate), cfg)
    assert max(utterance["duration_s"] for utterance in outcome.rows) <= 4.0


def test_what_holds_no_speech_is_named() -> None:
    rng = np.random.default_rng(0)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE) / RATE)
    assert codes(recording(0.1 * rng.standard_normal(5 * RATE), RATE)) == ["no_speech"]
    assert codes(recording(tone, RATE)) == ["no_speech"]
    assert codes(recording(np.zeros(5 * RATE), RATE)) == ["silent"]
    assert codes(recording(1e-4 * rng.standard_normal(5 * RATE), RATE)) == ["silent"]
    assert codes(recording(np.full(1, 0.1), RATE)) == ["too_short"]
    assert codes(recording(0.1 * rng.standard_normal(RATE // 20), RATE)) == ["too_short"]


def test_speech_50_db_down_is_speech(clip: tuple[np.ndarray, int]) -> None:
    samples, rate = clip
    assert len(run_one(SEGMENT, recording(samples * 10**-2.5, rate, text="words")).rows) == 1


@pytest.mark.slow
def test_gpt_sovits_slices_every_recording_without_text(long_recordings: Path) -> None:
    samples, rate = read(long_recordings / "wavs" / f"{LJ}.flac")
    cfg = settings(corpus__segment__method="gpt-sovits", corpus__segment__max_s=5.0)
    outcome = run_one(SEGMENT, recording(samples[: 60 * rate], rate), cfg)
    assert len(outcome.rows) > 8
    for utterance in outcome.rows:
        assert utterance["duration_s"] <= 5.0
        start = round(utterance["start_s"] * rate)
        piece = decode_flac(utterance["audio"]).samples
        np.testing.assert_allclose(piece, samples[start : start + piece.size], atol=1e-6)
    assert all(left["end_s"] <= right["start_s"] for left, right in pairwise(outcome.rows))


@pytest.mark.slow
def test_gpt_sovits_pieces_that_are_too_short_are_named(long_recordings: Path) -> None:
    samples, rate = read(long_recordings / "wavs" / f"{LJ}.flac")
    cfg = settings(corpus__segment__method="gpt-sovits", corpus__segment__clip_min_s=5.0)
    outcome = run_one(SEGMENT, recording(samples[: 90 * rate], rate), cfg)
    assert outcome.rows
    assert all(utterance["duration_s"] >= 5.0 for utterance in outcome.rows)
    assert {refused.code for refused in outcome.rejects} == {"too_short"}
    names = {refused.row_id for refused in outcome.rejects}
    assert not names & {utterance["utterance_id"] for utterance in outcome.rows}
    assert all(name.startswith("r-s") for name in names)


def test_gpt_sovits_leaves_clips_with_text_and_refuses_silence(clip: tuple[np.ndarray, int]) -> None:
    cfg = settings(corpus__segment__method="gpt-sovits")
    (utterance,) = run_one(SEGMENT, recording(*clip, text="words"), cfg).rows
    assert utterance["text"] == "words"
    silence = recording(np.zeros(9 * RATE), RATE)
    (refused,) = run_one(SEGMENT, silence, cfg).rejects
    assert refused.code == "silent"


def test_a_slicer_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="min_interval >= hop_size"):
        settings(corpus__segment__slicer={"min_interval": 5.0})
