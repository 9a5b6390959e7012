"""The split follows from content alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.features.split import Clip, held_out_as_given, split_clips

clips_of = st.lists(
    st.builds(
        Clip,
        st.text("0123456789abcdef", min_size=4, max_size=8),
        st.sampled_from("ABC"),
        st.floats(0.5, 20),
        st.none(),
    ),
    max_size=60,
    unique_by=lambda clip: clip.content,
)


@given(clips_of)
def test_every_set_that_should_exist_exists(clips: list[Clip]) -> None:
    counts = Counter(split_clips(clips, 0.05, 0.05))
    assert sum(counts.values()) == len(clips)
    if clips:
        assert counts["train"] >= 1
    if len(clips) >= 2 and max(Counter(clip.speaker for clip in clips).values()) >= 2:
        assert counts["validation"] >= 1
    if len(clips) >= 10:
        assert counts["test"] >= 1


@pytest.mark.slow
@given(clips_of, st.randoms())
def test_order_and_names_do_not_matter(clips: list[Clip], random: object) -> None:
    split = dict(zip(clips, split_clips(clips, 0.1, 0.1), strict=True))
    shuffled = list(clips)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, split_clips(shuffled, 0.1, 0.1), strict=True)) == split


def test_adding_clips_moves_hardly_any_other() -> None:
    clips = [Clip(f"{number:x}", "A", 5.0) for number in range(400)]
    before = split_clips(clips[:300], 0.05, 0.05)
    after = split_clips(clips, 0.05, 0.05)[:300]
    assert before == after


def test_equal_content_never_lies_on_both_sides() -> None:
    clips = [Clip(f"{number % 20}", "A", 5.0) for number in range(60)]
    splits = split_clips(clips, 0.2, 0.2)
    for content in {clip.content for clip in clips}:
        assert len({s for clip, s in zip(clips, splits, strict=True) if clip.content == content}) == 1


def test_every_speaker_with_ten_clips_is_held_out_too() -> None:
    clips = [Clip(f"{speaker}{number}", speaker, 5.0) for speaker in "ABCD" for number in range(10)]
    splits = split_clips(clips, 0.05, 0.05)
    for speaker in "ABCD":
        own = Counter(s for clip, s in zip(clips, splits, strict=True) if clip.speaker == speaker)
        assert own["validation"] >= 1
        assert own["test"] >= 1
        assert own["train"] >= 5


def test_a_speaker_with_two_clips_is_trained_on() -> None:
    clips = [Clip(f"a{n}", "A", 5.0) for n in range(30)] + [Clip("b1", "B", 5.0), Clip("b2", "B", 5.0)]
    assert split_clips(clips, 0.3, 0.3)[-2:] == ["train", "train"]


def test_no_share_asked_for_means_no_set() -> None:
    clips = [Clip(f"{number}", "A", 5.0) for number in range(30)]
    assert set(split_clips(clips, 0.0, 0.0)) == {"train"}


def test_of_few_clips_one_of_a_fitting_length_is_held_out() -> None:
    lengths = {"15.0": 15.0, "12.6": 12.6, "2.8": 2.8, "5.1": 5.1, "4.5": 4.5}
    clips = [Clip(name, "A", seconds) for name, seconds in lengths.items()]
    assert _validated(clips, 0.05) == ["2.8"]
    assert _validated(clips, 0.15) == ["5.1"]


@given(clips_of.filter(lambda clips: 2 <= len(clips) < 10), st.floats(0.01, 0.3))
def test_of_few_clips_never_more_than_one_is_held_out(clips: list[Clip], share: float) -> None:
    splits = split_clips(clips, share, share)
    assert splits.count("validation") <= 1
    assert "test" not in splits


def test_what_is_given_to_be_held_out_is_and_nothing_else() -> None:
    said = {3: "validation", 7: "validation", 11: "test"}
    clips = [Clip(f"c{n}", "AB"[n % 2], 5.0, said.get(n, "train" if n % 4 else None)) for n in range(40)]
    splits = split_clips(clips, 0.3, 0.3)
    assert {n: split for n, split in enumerate(splits) if split != "train"} == said


def test_without_given_validation_clips_some_of_the_rest_validate() -> None:
    clips = [Clip(f"c{n}", "A", 5.0, "test" if n < 8 else "train") for n in range(40)]
    splits = split_clips(clips, 0.1, 0.1)
    assert [n for n, split in enumerate(splits) if split == "test"] == list(range(8))
    assert splits.count("validation") >= 1
    assert "validation" not in split_clips(clips, 0.0, 0.1)


def test_copies_of_what_is_held_out_are_held_out_too() -> None:
    clips = [Clip("same", "A", 5.0, "train"), Clip("same", "A", 5.0, "validation"), Clip("other", "A", 5.0)]
    assert split_clips(clips, 0.1, 0.1) == ["validation", "validation", "train"]


def test_a_division_that_leaves_nothing_to_train_on_is_not_used() -> None:
    clips = [Clip(f"c{n}", "A", 5.0, "test") for n in range(20)]
    assert not held_out_as_given(clips)
    plain = [clip._replace(given=None) for clip in clips]
    assert split_clips(clips, 0.1, 0.1) == split_clips(plain, 0.1, 0.1)


def _validated(clips: list[Clip], share: float) -> list[str]:
    splits = split_clips(clips, share, share)
    return [clip.content for clip, split in zip(clips, splits, strict=True) if split == "validation"]
