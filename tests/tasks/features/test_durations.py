"""Aligned times become frames per phone that add up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.features.durations import phone_durations


def interval(start_s: float, end_s: float, word: int) -> dict[str, float]:
    return {"start_s": start_s, "end_s": end_s, "word": word}


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
