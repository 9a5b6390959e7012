"""Cuts obey their limits on invented activity, and lie in true pauses of real recordings."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.segmentation import score_recording
from models.frontend.activity import HOP_S, Activity, analyse_activity, pause_mask
from models.frontend.segmenter import Limits, plan_segments, trim_silence
from tests.speech.joined import LJ, PEOPLE, SONNETS

LIMITS = Limits(min_s=1.0, max_s=6.0, pad_s=0.2, split_pause_s=0.3)


def made_activity(spans: list[tuple[float, float]]) -> Activity:
    """Activity of alternating speech and pause of the given lengths, seconds."""
    level, probability = [], []
    rng = np.random.default_rng(len(spans))
    for speech_s, pause_s in spans:
        n_speech, n_pause = round(speech_s / HOP_S), round(pause_s / HOP_S)
        level += [*rng.uniform(-24, -18, n_speech), *rng.uniform(-66, -64, n_pause)]
        probability += [1.0] * n_speech + [0.0] * n_pause
    energy = np.array(level, dtype=np.float32)
    return Activity(
        energy_db=energy,
        smooth_db=energy,
        speech_probability=np.array(probability, dtype=np.float32),
        noise_db=np.full(energy.size, -66, dtype=np.float32),
        speech_db=np.full(energy.size, -18, dtype=np.float32),
        duration_s=energy.size * HOP_S,
    )


span = st.tuples(st.floats(0.1, 15.0), st.floats(0.08, 4.0))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(span, min_size=1, max_size=12))
def test_no_segment_is_longer_than_the_maximum_and_none_overlaps(spans: list[tuple[float, float]]) -> None:
    activity = made_activity(spans)
    segments = plan_segments(activity, LIMITS)
    assert all(segment.end_s - segment.start_s <= LIMITS.max_s + 1e-6 for segment in segments)
    assert all(left.end_s <= right.start_s + 1e-9 for left, right in pairwise(segments))
    assert all(0 <= segment.start_s < segment.end_s <= activity.duration_s for segment in segments)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(span, min_size=1, max_size=12))
def test_no_speech_is_lost(spans: list[tuple[float, float]]) -> None:
    activity = made_activity(spans)
    inside = np.zeros(activity.energy_db.size, dtype=bool)
    for segment in plan_segments(activity, LIMITS):
        inside[int(segment.start_s / HOP_S) : int(np.ceil(segment.end_s / HOP_S))] = True
    speech = ~pause_mask(activity)
    assert not (speech & ~inside).any()


def test_a_short_word_between_long_pauses_borrows_silence_up_to_the_minimum() -> None:
    segments = plan_segments(made_activity([(3.0, 2.0), (0.4, 2.0), (3.0, 1.0)]), LIMITS)
    assert len(segments) == 3
    assert segments[1].end_s - segments[1].start_s >= LIMITS.min_s - HOP_S


def test_speech_without_a_pause_is_cut_and_marked() -> None:
    segments = plan_segments(made_activity([(15.0, 0.5)]), LIMITS)
    assert len(segments) >= 3
    assert all(segment.forced for segment in segments)


def test_a_short_pause_is_preferred_to_a_cut_inside_speech() -> None:
    segments = plan_segments(made_activity([(4.0, 0.12), (4.0, 0.5)]), LIMITS)
    assert [segment.forced for segment in segments] == [False, False]
    assert 4.0 <= segments[0].end_s <= 4.12


def test_outer_silence_of_a_clip_is_trimmed_only_where_it_is_long() -> None:
    activity = made_activity([(0.0, 3.0), (2.0, 0.3)])
    start_s, end_s = trim_silence(activity, longest_s=0.6, keep_s=0.4)
    assert start_s == pytest.approx(2.6, abs=0.03)
    assert end_s == activity.duration_s


@pytest.mark.slow
@pytest.mark.parametrize("name", [LJ, PEOPLE, SONNETS])
def test_real_recordings_are_cut_in_true_pauses(long_recordings: Path, name: str) -> None:
    truth = json.loads((long_recordings / f"{name}.truth.json").read_text(encoding="utf-8"))
    score = score_recording(long_recordings, truth)
    assert score.longest_s <= 12.0
    assert score.shortest_s >= 0.99
    assert score.forced == 0
    assert len(score.outside) <= 0.05 * 2 * score.n_segments
    assert score.long_pauses_found >= 0.95 * score.long_pauses
    assert score.sounding_speech_inside >= 0.99
    if "speech_start_s" in truth["segments"][0]:
        assert score.outside == []
        assert score.speech_inside >= 0.99


@pytest.mark.parametrize("gain_db", [-50.0, 0.0])
def test_noise_and_tones_hold_no_speech_and_quiet_speech_does(speech: Path, gain_db: float) -> None:
    import soundfile

    gain = 10 ** (gain_db / 20)
    rng = np.random.default_rng(0)
    noise = (0.1 * gain * rng.standard_normal(48000)).astype(np.float32)
    tone = (0.3 * gain * np.sin(2 * np.pi * 440 * np.arange(48000) / 16000)).astype(np.float32)
    clip = next(iter(sorted((speech / "ljs-mini" / "wavs").iterdir())))
    voice, rate = soundfile.read(clip, dtype="float32")
    assert analyse_activity(noise, 16000).speech_s == 0
    assert analyse_activity(tone, 16000).speech_s == 0
    assert analyse_activity(voice * np.float32(gain), rate).speech_s > 3


@pytest.mark.slow
def test_looking_for_speech_leaves_the_threads_of_arithmetic_alone() -> None:
    program = (
        "import numpy, torch; torch.set_num_threads(2)\n"
        "from models.frontend.activity import analyse_activity\n"
        "analyse_activity(numpy.zeros(16000, dtype=numpy.float32), 16000)\n"
        "print(torch.get_num_threads())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "2"
