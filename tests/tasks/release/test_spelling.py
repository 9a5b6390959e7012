"""Sentences as characters: whole, or in parts that can be said at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.character_tokens import NO_PHONE, Tokens, character_table
from models.frontend.text.phonemized import Phonemized, TextError
from tasks.release.sentences import Sentence
from tasks.release.spelling import spelled, spelled_in_parts

MARKS = ",.!?-…;:"


def sentence(*words: str, language: str = "de") -> Sentence:
    """Every letter of a word is a phone."""
    phones = [letter for word in words for letter in word]
    counts = [len(word) for word in words]
    run = Phonemized(" ".join(words), language, "ipa", list(words), phones, [0] * len(phones), counts, [])
    return Sentence(" ".join(words), (run,))


def written(tokens: Tokens) -> str:
    characters = {index: character for character, index in character_table("kokoro").ids.items()}
    assert tokens.ids[0] == tokens.ids[-1] == 0
    return "".join(characters[index] for index in tokens.ids[1:-1])


def parts_of(one: Sentence, longest: int) -> list[str]:
    return [written(part.tokens) for part in spelled_in_parts(one, "kokoro", longest)]


@pytest.mark.parametrize(
    ("words", "longest", "parts"),
    [
        (("ab", "kd", ",", "fa", "."), 510, ["ab kd, fa."]),
        (("ab", "kd", ",", "fa", "."), 10, ["ab kd, fa."]),
        (("ab", "kd", ",", "fa", "."), 9, ["ab kd,", "fa."]),
        (("ab", ",", "kd", ",", "fa", "mo", "."), 10, ["ab, kd,", "fa mo."]),
        (("ab", ";", "kd", ":", "fa", "mo", "."), 10, ["ab; kd:", "fa mo."]),
        (("ab", "kd", "fa", "mo", "."), 6, ["ab kd", "fa mo."]),
        (("ab", "kd", "."), 3, ["ab", "kd."]),
    ],
)
def test_a_sentence_is_cut_after_marks_then_between_words(
    words: tuple[str, ...], longest: int, parts: list[str]
) -> None:
    assert parts_of(sentence(*words), longest) == parts


@given(
    st.lists(
        st.one_of(st.text("abdfk", min_size=1, max_size=7), st.sampled_from(MARKS)), min_size=1, max_size=60
    ).map(lambda words: ["ab", *words]),
    st.integers(20, 60),
)
def test_no_part_is_too_long_and_nothing_is_lost(words: list[str], longest: int) -> None:
    one = sentence(
        *(word for at, word in enumerate(words) if word not in MARKS or words[at - 1] not in MARKS)
    )
    parts = parts_of(one, longest)
    assert all(0 < len(part) <= longest for part in parts)
    assert " ".join(parts) == written(spelled(one, "kokoro"))


def test_a_word_that_is_too_long_is_named_with_its_sentence() -> None:
    with pytest.raises(TextError, match=r"'ab akak.*its word 'akak.*spoken in 601 characters.*at most 510"):
        spelled_in_parts(sentence("ab", "ak" * 300, "."), "kokoro", 510)


def test_each_language_is_spelled_by_its_own_rules() -> None:
    german, english = sentence("xr"), sentence("xr", ".", language="en")
    mixed = Sentence("xr xr.", (*german.runs, *english.runs))
    tokens = spelled(mixed, "kokoro")
    assert written(tokens) == "xr kɹ."
    assert tokens.phone_of == (NO_PHONE, 0, 1, NO_PHONE, 2, 3, 4, NO_PHONE)
    assert [written(part.tokens) for part in spelled_in_parts(mixed, "kokoro", 3)] == ["xr", "kɹ."]
