"""Marks, modifiers and intervals: what is spoken gets its time, what is not gets the pause."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.aligner.alignment import (
    AlignError,
    Alignment,
    Interval,
    assemble,
    is_modifier,
    is_pause,
    read_transcript,
    tiled,
)
from models.aligner.arpabet import map_phones, to_arpabet
from models.aligner.textgrid import read_textgrid, write_textgrid


def test_kinds_of_labels() -> None:
    assert all(is_pause(label) for label in (",", "…", "?", "SP2", "", "¿", "—"))
    assert not any(is_pause(label) for label in ("AH0", "ˈaɪ", "ʔ", "n̩", "ang4", "1"))
    assert all(is_modifier(label) for label in ("ˈ", "ː", "5"))
    assert not any(is_modifier(label) for label in ("a", "AH0", ",", "tʰ"))


def test_labels_of_other_tables_become_arpabet() -> None:
    mapped, unknown = map_phones(["AH0", "ax", "ˈɑːɹ", "dʒ", "ŋ", "aɪɚ", "UNK", "ɣ"])
    assert mapped[:6] == [["AH"], ["AH"], ["AA", "R"], ["JH"], ["NG"], ["AY", "ER"]]
    assert unknown == ["UNK", "ɣ"]
    assert to_arpabet("OY1") == ["OY"]


def test_marks_take_the_pause_and_share_it_once() -> None:
    transcript = read_transcript(["a", ",", "…", "b", "."], [["ɑː", "ː"], [","], ["…"], ["b"], ["."]])
    phones, words = assemble(
        transcript, np.array([0.1, 0.5]), np.array([0.3, 0.8]), np.array([-1.0, -2.0]), 1.0
    )
    times = {(p.label, round(p.start_s, 3), round(p.end_s, 3)) for p in phones}
    assert times == {
        ("ɑː", 0.1, 0.3), ("ː", 0.3, 0.3), (",", 0.3, 0.5), ("…", 0.5, 0.5), ("b", 0.5, 0.8), (".", 0.8, 1.0)
    }  # fmt: skip
    assert [w.label for w in words] == ["a", ",", "…", "b", "."]
    assert words[0].score == -1.0 and np.isnan(words[1].score)


def test_a_text_without_speech_is_refused() -> None:
    with pytest.raises(AlignError) as caught:
        read_transcript(["!"], [["!"]])
    assert caught.value.code == "align_failed"


@given(
    st.lists(st.lists(st.sampled_from(["a", "t", ",", "SP", "ˈ", "ː"]), max_size=4), min_size=1, max_size=6),
    st.lists(st.floats(0, 2), min_size=48, max_size=48),
    st.floats(0.5, 2.0),
)
def test_every_phone_has_an_interval_in_order_inside_the_clip(
    phones: list[list[str]], cuts: list[float], duration_s: float
) -> None:
    words = [f"w{i}" for i in range(len(phones))]
    try:
        transcript = read_transcript(words, phones)
    except AlignError:
        return
    n = len(transcript.spoken)
    edges = np.sort(np.array(cuts[: 2 * n]))
    made, word_intervals = assemble(transcript, edges[::2], edges[1::2], np.zeros(n), duration_s)
    flat = [label for word in phones for label in word]
    assert [p.label for p in made] == flat
    times = [t for p in made for t in (p.start_s, p.end_s)]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= duration_s
    assert [w.label for w in word_intervals] == words
    tiles = tiled(made, duration_s)
    assert tiles[0].start_s == 0 and tiles[-1].end_s == duration_s
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(tiles))


def test_textgrid_round_trip_keeps_labels_and_times() -> None:
    phones = (Interval('say "x"', 0.1, 0.25), Interval(",", 0.25, 0.25), Interval("ŋ", 0.4, 0.5))
    grid = write_textgrid(Alignment(phones, phones, -1.0, 0.0, "hmm", "1"), 0.6)
    tiers = read_textgrid(grid)
    assert [i.label for i in tiers["phones"]] == ["", 'say "x"', "", "ŋ", ""]
    assert tiers["words"][-1].end_s == pytest.approx(0.6)
    assert tiers["phones"][1].start_s == pytest.approx(0.1)


@pytest.mark.parametrize("cut", [10, 60, 200, 400])
def test_a_cut_textgrid_says_so(cut: int) -> None:
    phones = (Interval("a", 0.1, 0.25), Interval("b", 0.4, 0.5))
    grid = write_textgrid(Alignment(phones, phones, -1.0, 0.0, "hmm", "1"), 0.6)
    with pytest.raises(ValueError, match="TextGrid"):
        read_textgrid(grid[:cut])


@pytest.mark.parametrize(
    ("written", "hostile"),
    [
        ("size = 2", "size = 1e999"),
        ("size = 2", "size = -1"),
        ("size = 2", "size = 1.5"),
        ("size = 2", "size = 999999999999"),
        ("intervals: size = 5", "intervals: size = 1e999"),
        ("xmax = 0.100000", "xmax = 1e999"),
        ("xmax = 0.100000", "xmax = -" + "9" * 5000),
    ],
)
def test_a_textgrid_with_absurd_numbers_says_so(written: str, hostile: str) -> None:
    phones = (Interval("a", 0.1, 0.25), Interval("b", 0.4, 0.5))
    grid = write_textgrid(Alignment(phones, phones, -1.0, 0.0, "hmm", "1"), 0.6)
    assert written in grid
    with pytest.raises(ValueError, match="not a whole TextGrid"):
        read_textgrid(grid.replace(written, hostile))


@pytest.mark.timeout(20)
def test_a_textgrid_of_empty_lines_is_read_at_once() -> None:
    with pytest.raises(ValueError, match="TextGrid"):
        read_textgrid("\n" * 1_000_000)


def test_praat_reads_what_we_write(tmp_path: object) -> None:
    from pathlib import Path

    from praatio import textgrid

    phones = (Interval("a", 0.1, 0.25), Interval("ŋ", 0.4, 0.5))
    path = Path(str(tmp_path)) / "x.TextGrid"
    path.write_text(write_textgrid(Alignment(phones, phones, -1.0, 0.0, "hmm", "1"), 0.6), "utf-8")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    assert [entry.label for entry in grid.getTier("phones").entries] == ["a", "ŋ"]
