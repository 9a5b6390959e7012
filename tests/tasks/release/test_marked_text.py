"""Pauses in plain text, and what is said in one breath between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import UserError
from tasks.release.marked_text import MAX_PAUSE_S, Breath, Place
from tasks.release.sentences import spoken_breaths, written


def breaths(text: str, **rest: bool) -> list[Breath]:
    return spoken_breaths(text, **rest)


def pauses(text: str) -> list[tuple[str, int, int, float | None]]:
    return [(written(one), one.place.sentence, one.place.part, one.place.pause_s) for one in breaths(text)]


def test_text_without_marks_is_its_sentences() -> None:
    assert pauses("One two. Three [four]!") == [("One two.", 0, 0, None), ("Three [four]!", 1, 0, None)]
    assert all(one.place.meets_pause == (False, False) for one in breaths("One two. Three four!"))


def test_pauses_between_sentences_and_inside_of_them() -> None:
    assert pauses("One two. [pause 500ms] Three [PAUSE: 1.2s] four, five. Six.") == [
        ("One two.", 0, 0, None),
        ("Three", 1, 0, 0.5),
        ("four, five.", 1, 1, 1.2),
        ("Six.", 2, 0, None),
    ]


def test_pauses_at_the_ends_of_a_text_and_in_a_row() -> None:
    first, last = breaths("[pause 1s] One. [pause .5s][pause 250 ms] Two [pause 2s].")
    assert first.place == Place(0, 0, 1.0, 0.0, (True, True))
    assert last.place == Place(1, 0, 0.75, 2.0, (True, True))
    assert written(last) == "Two ."


def test_a_pause_of_no_length_replaces_the_voices_own_and_cuts_no_sentence() -> None:
    assert pauses("One [pause 0s] two. [pause 0s] Three.") == [
        ("One two.", 0, 0, None),
        ("Three.", 1, 0, 0.0),
    ]


def test_a_pause_cuts_text_without_spaces() -> None:
    assert pauses("你好[pause 1s]世界。再见") == [
        ("你好", 0, 0, None),
        ("世界。", 0, 1, 1.0),
        ("再见", 1, 0, None),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one [pause] two", r"line 1, column 5: '\[pause\]' is no pause; write \[pause 500ms\]"),
        ("one\n [pause 5 minutes] two", r"line 2, column 2: '\[pause 5 minutes\]'"),
        ("one [pause 61s]", "up to 60 s"),
        ("one [pause -1s]", "is no pause"),
        ("one [pause 1e3s]", "is no pause"),
        ("one [pause 40s] [pause 40s] two", "come to 80 s, and at most 60 s"),
        ("[pause 1s]", "has no word|is empty"),
    ],
)
def test_what_is_no_pause_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        breaths(text)


def test_brackets_that_ask_for_nothing_are_text() -> None:
    assert pauses("Press the [pause button] now.") == [("Press the [pause button] now.", 0, 0, None)]


PIECES = st.sampled_from(
    ["One two. ", "three", " four! ", "[pause 1s]", "[pause 20ms]", " ", ", ", "字。", "A"]
)


@given(st.lists(PIECES, max_size=12))
def test_no_word_and_no_pause_is_lost(pieces: list[str]) -> None:
    text = "".join(pieces)
    asked = 1.0 * text.count("[pause 1s]") + 0.02 * text.count("[pause 20ms]")
    words = text.replace("[pause 1s]", "").replace("[pause 20ms]", "")
    if not any(one.isalnum() for one in words):
        with pytest.raises(UserError):
            breaths(text)
        return
    found = breaths(text)
    said = "".join(written(one) for one in found)
    assert [one for one in said if one.isalnum()] == [one for one in words if one.isalnum()]
    made = sum((one.place.pause_s or 0.0) + one.place.closing_s for one in found)
    assert made == pytest.approx(asked)
    assert made <= MAX_PAUSE_S * (len(found) + 1)
    assert [one.place.sentence for one in found] == sorted(one.place.sentence for one in found)
