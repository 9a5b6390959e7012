"""A mixed text is cut by script; numbers and marks go with a neighbour, and nothing is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.mixing import stretches, unreadable_share

BOTH = ("en-us", "zh")


@pytest.mark.parametrize(
    ("text", "language", "cut"),
    [
        ("我用Python写代码。", "zh", "我用|Python|写代码。"),
        ("He said 你好, then left.", "en-us", "He said |你好, |then left."),
        ("I have 3个苹果", "en-us", "I have |3个苹果"),
        ("我有 3 apples", "zh", "我有 3 |apples"),
        ("你好, 3 apples!", "zh", "你好, |3 apples!"),
        ("在2024年, it was 50% off", "zh", "在2024年, |it was 50% off"),
        ("价格 $5.50 per 公斤", "zh", "价格 $5.50 |per |公斤"),
        ("“Hello” 世界", "en-us", "“Hello” |世界"),
        ("12:30", "zh", "12:30"),
        ("Hello, world.", "en-us", "Hello, world."),
    ],
)
def test_cuts(text: str, language: str, cut: str) -> None:
    parts = stretches(text, language, BOTH)
    assert [part.text for part in parts] == cut.split("|")
    for part in parts:
        has_han = any("\u4e00" <= character <= "\u9fff" for character in part.text)
        has_letters = any(character.isalpha() for character in part.text)
        assert part.language == ("zh" if has_han else "en-us" if has_letters else language)


def test_what_the_voice_does_not_speak_stays_with_the_main_language() -> None:
    assert stretches("Hello 世界", "en", ("en",)) == [("Hello 世界", "en")]
    assert stretches("我用Python", "zh", ("zh",)) == [("我用Python", "zh")]
    assert [part.language for part in stretches("東京 is big", "ja", ("ja", "en", "zh"))] == ["ja", "en"]


def test_unreadable_letters_are_counted_over_all_stretches() -> None:
    assert unreadable_share(stretches("Hello 世界", "en", ("en", "zh"))) == 0.0
    assert unreadable_share(stretches("ab世界", "en", ("en",))) == 0.5


@given(st.text(alphabet=st.characters() | st.sampled_from("你好ab1,. $%")), st.sampled_from(BOTH))
def test_nothing_is_lost_or_moved(text: str, language: str) -> None:
    parts = stretches(text, language, BOTH)
    assert "".join(part.text for part in parts) == text
    assert all(one.language != other.language for one, other in pairwise(parts))
