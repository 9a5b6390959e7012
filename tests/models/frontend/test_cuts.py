"""Stretches with texts become utterances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.activity import HOP_S
from models.frontend.cuts import join_cuts, placed
from models.frontend.segmenter import Limits
from models.frontend.timed_text import Cut

LIMITS = Limits(min_s=1.0, max_s=12.0, pad_s=0.4, split_pause_s=0.3)


def subtitles(*cues: tuple[float, float, str]) -> list[Cut]:
    return [Cut(*cue, joins=True) for cue in cues]


def texts(cuts: list[Cut]) -> list[str]:
    return [cut.text for cut in join_cuts(cuts, LIMITS)]


def test_subtitles_go_on_until_a_sentence_or_a_pause_ends_them():
    cues = subtitles((0, 2, "We went"), (2, 4, "to the sea."), (4, 6, "It was"), (6.5, 8, "cold"))
    assert texts(cues) == ["We went to the sea.", "It was", "cold"]


def test_what_is_too_short_goes_with_its_neighbour():
    assert texts(subtitles((0, 0.5, "Yes."), (0.6, 3, "We went."))) == ["Yes. We went."]
    assert texts(subtitles((0, 0.5, "Yes."), (4, 6, "We went."))) == ["Yes.", "We went."]


def test_what_overlaps_is_one():
    assert texts(subtitles((0, 3, "One."), (2, 5, "Two."), (5, 7, "Three."))) == ["One. Two.", "Three."]


def test_speakers_are_not_mixed():
    cuts = [Cut(0, 1, "hello", "anna", True), Cut(1, 2, "there", "bert", True)]
    assert [cut.speaker for cut in join_cuts(cuts, LIMITS)] == ["anna", "bert"]


def test_rows_of_a_manifest_stay_as_they_are():
    cuts = [Cut(0, 0.5, "one"), Cut(0.5, 1, "two")]
    assert join_cuts(cuts, LIMITS) == cuts


def test_chinese_is_joined_without_spaces():
    assert texts(subtitles((0, 2, "我们去"), (2, 4, "海边。"))) == ["我们去海边。"]


def test_many_words_are_parted_at_the_longest_gaps():
    words = subtitles(
        *((at * 0.5 + (at >= 31) * 0.2, at * 0.5 + 0.5 + (at >= 31) * 0.2, f"w{at}") for at in range(40))
    )
    found = join_cuts(words, LIMITS)
    assert " ".join(cut.text for cut in found) == " ".join(f"w{at}" for at in range(40))
    assert all(cut.duration_s <= LIMITS.max_s for cut in found)
    assert "w31" in [cut.text.split()[0] for cut in found]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.05, 5), st.sampled_from(["a", "b.", "c"])), max_size=30)
)
def test_no_word_is_lost_or_moved(steps):
    cues, now_s = [], 0.0
    for gap_s, length_s, text in steps:
        cues.append(Cut(now_s + gap_s, now_s + gap_s + length_s, text, joins=True))
        now_s += gap_s + length_s
    found = join_cuts(cues, LIMITS)
    assert " ".join(cut.text for cut in found).split() == [cue.text for cue in cues]
    assert all(left.end_s <= right.start_s + 1e-9 for left, right in itertools.pairwise(found))
    assert all(cut.duration_s <= LIMITS.max_s for cut in found)


class TestPlaces:
    pause = np.ones(round(10 / HOP_S), bool)

    def place(self, cuts: list[Cut], at: int, *sounds: tuple[float, float]) -> tuple[float, float] | None:
        pause = self.pause.copy()
        for start_s, end_s in sounds:
            pause[round(start_s / HOP_S) : round(end_s / HOP_S)] = False
        return placed(cuts, at, pause, 0.4)

    def test_a_subtitle_reaches_to_the_speech_around_it(self):
        found = self.place(subtitles((2, 4, "x")), 0, (1.8, 4.2))
        assert found == pytest.approx((1.6, 4.4), abs=0.05)

    def test_and_no_further_than_half_way_to_its_neighbour(self):
        cuts = subtitles((2, 4, "x"), (4.2, 6, "y"))
        assert self.place(cuts, 0, (2, 6))[1] == pytest.approx(4.1)
        assert self.place(cuts, 1, (2, 6))[0] == pytest.approx(4.1)

    def test_silence_in_it_is_left_out(self):
        assert self.place(subtitles((1, 9, "x")), 0, (4, 5)) == pytest.approx((3.6, 5.4), abs=0.05)

    def test_a_row_of_a_manifest_is_exact(self):
        assert self.place([Cut(2, 4, "x")], 0, (1, 5)) == (2, 4)

    def test_where_nobody_speaks_is_no_place(self):
        assert self.place(subtitles((7, 8, "x")), 0, (1, 5)) is None
        assert self.place([Cut(20, 30, "x")], 0, (1, 5)) is None
