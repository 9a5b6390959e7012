"""Aligned times become frames per phone that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.features.durations import Clock, phone_frames


def interval(start_s: float, end_s: float, word: int) -> dict[str, float]:
    return {"start_s": start_s, "end_s": end_s, "word": word}


def phone_durations(aligned: list, word2ph: list[int], n_frames: int, frame_rate_hz: float) -> list[int]:
    clock = Clock(n_frames, frame_rate_hz, n_frames / frame_rate_hz)
    return phone_frames(aligned, word2ph, clock).durations


def test_times_become_frames_and_edges_belong_to_the_outer_phones() -> None:
    aligned = [interval(0.1, 0.2, 0), interval(0.2, 0.4, 0), interval(0.4, 0.6, 1)]
    assert phone_durations(aligned, [2, 1], 40, 50.0) == [10, 10, 20]


def test_a_mark_takes_the_pause_around_it() -> None:
    aligned = [interval(0.0, 0.2, 0), interval(0.5, 0.8, 2)]
    assert phone_durations(aligned, [1, 1, 1], 50, 50.0) == [10, 15, 25]


def test_a_final_mark_takes_the_silence_at_the_end() -> None:
    assert phone_durations([interval(0.0, 0.4, 0)], [1, 1], 50, 50.0) == [20, 30]


def test_silence_intervals_are_passed_over() -> None:
    aligned = [interval(0.0, 0.1, -1), interval(0.1, 0.3, 0), interval(0.3, 0.9, -1)]
    assert phone_durations(aligned, [1, 1], 50, 50.0) == [15, 35]


def test_a_word_with_another_phone_count_is_shared_out() -> None:
    aligned = [interval(0.0, 0.1, 0), interval(0.1, 0.6, 0)]
    assert phone_durations(aligned, [3], 30, 50.0) == [10, 10, 10]


def test_nothing_aligned_gives_everything_to_the_last_phone_and_still_adds_up() -> None:
    assert sum(phone_durations([], [1, 2], 30, 50.0)) == 30


@given(
    st.lists(st.tuples(st.floats(0.0, 9.0), st.floats(0.0, 1.0), st.integers(-1, 5)), max_size=12),
    st.lists(st.integers(1, 4), min_size=1, max_size=6),
    st.integers(0, 500),
)
def test_durations_are_whole_and_add_up(
    times: list[tuple[float, float, int]], word2ph: list[int], n_frames: int
) -> None:
    aligned = [interval(start, start + length, word) for start, length, word in sorted(times)]
    durations = phone_durations(aligned, word2ph, n_frames, 50.0)
    assert len(durations) == sum(word2ph)
    assert sum(durations) == n_frames
    assert all(duration >= 0 for duration in durations)


def test_edge_silence_moves_the_times_and_belongs_to_the_outer_phones() -> None:
    aligned = [interval(0.1, 0.2, 0), interval(0.2, 0.4, 0), interval(0.45, 0.6, 1)]
    frames = phone_frames(aligned, [2, 1], Clock(120, 80.0, clip_s=0.75, edge_s=0.25))
    assert frames.durations == [36, 20, 64]
    assert (frames.lead, frames.pauses, frames.trail) == (28, [0, 4, 0], 52)


def test_a_final_mark_lasts_to_the_end_of_the_clip_and_not_into_the_edge() -> None:
    frames = phone_frames([interval(0.1, 0.5, 0)], [1, 1], Clock(100, 80.0, clip_s=0.75, edge_s=0.25))
    assert frames.durations == [60, 40]
    assert (frames.lead, frames.pauses, frames.trail) == (28, [0, 0], 20)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0.0, 9.0), st.floats(0.0, 1.0), st.integers(-1, 5)), max_size=12),
    st.lists(st.integers(1, 4), min_size=1, max_size=6),
    st.integers(0, 500),
)
def test_silence_is_part_of_the_durations(
    times: list[tuple[float, float, int]], word2ph: list[int], n_frames: int
) -> None:
    aligned = [interval(start, start + length, word) for start, length, word in sorted(times)]
    frames = phone_frames(aligned, word2ph, Clock(n_frames, 80.0, 5.0, 0.2))
    silence = list(frames.pauses)
    silence[0] += frames.lead
    silence[-1] += frames.trail
    assert sum(frames.durations) == n_frames
    assert all(0 <= part <= whole for part, whole in zip(silence, frames.durations, strict=True))
    assert min(frames.lead, frames.trail, *frames.pauses) >= 0
