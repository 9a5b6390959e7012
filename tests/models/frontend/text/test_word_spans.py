"""Words keep the forms that they have in running speech, and every phone belongs to a word."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.frontend.text.characters import is_han
from models.frontend.text.espeak_ipa import _usable_voices, espeak_voice, espeak_words, supported_languages
from models.frontend.text.normalize import normalize
from models.frontend.text.phonemized import base_language
from models.frontend.text.reader_process import ask
from models.frontend.text.word_spans import MAX_PAIRS, _cost, word_spans

PHONES = st.lists(st.sampled_from(["a", "ˈaɪ", "ə", "t", "d", "ɹ"]), max_size=4)


def read(text: str, language: str = "en") -> str:
    words = espeak_words(text.split(), language)
    return " ".join(word.replace("_", "") for word in words)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("it was a nice day", "ɪt wʌz ɐ nˈaɪs dˈeɪ"),
        ("one of the boys in a room", "wˈʌn ʌv ðə bˈɔɪz ɪn ɐ ɹˈuːm"),
        ("you have been there for a while", "juː hɐv bɪn ðɛɹ fɚɹ ə wˈaɪl"),
        ("the end of the apple", "ðɪ ˈɛnd ʌv ðɪ ˈæpəl"),
    ],
)
def test_english_words_that_espeak_joins_keep_their_weak_forms(text: str, spoken: str) -> None:
    assert read(text) == spoken


@pytest.mark.parametrize(
    ("text", "language", "spoken"),
    [
        ("les amis sont allés", "fr", "le-z amˈi sˈɔ̃t alˈe"),
        ("你好 世界", "cmn", "ni2χˈɑu2 s.ˈi.5tɕˈiɛ5"),
        ("в Индийския океан", "bg", "v ˌindijskˈijɐ ˌokeˈan"),
        ("saared McDonald Honduras", "et", "sˈaːred ˈemmtsˌeeːtˈonɑld hˈonduras"),
    ],
)
def test_other_languages_join_and_split_words_too(text: str, language: str, spoken: str) -> None:
    assert read(text, language) == spoken


def test_as_many_words_joined_as_split_are_told_from_one_each() -> None:
    text = "of the MP3 player"
    assert ask("espeak", text, "en-us")[0] == "ʌ_v_ð_ɪ|ˌɛ_m_p_ˈiː|θ_ɹ_ˈiː|p_l_ˈeɪ_ɚ"
    assert read(text) == "ʌv ðɪ ˌɛmpˈiːθɹˈiː plˈeɪɚ"


@pytest.mark.slow
def test_words_in_order_are_what_espeak_says_of_the_clause() -> None:
    """In every language, of number words, figures and names, in clauses of up to eight words."""
    for language in supported_languages():
        voice, chance = espeak_voice(language), random.Random(language)
        numbers = normalize(" ".join(map(str, range(40))), base_language(language))
        # Han characters are read in these two alone; what espeak spells elsewhere is left out.
        reads_han = voice.split("-")[0] in ("cmn", "yue")
        said = [token.text for token in numbers if reads_han or not any(map(is_han, token.text))]
        known = [*said, "7", "MP3", "McDonald", "de", "la", "a"]
        for count in range(1, 9):
            words = chance.choices(known, k=count)
            together, *alone = ask("espeak", " ".join(words), voice)
            found = espeak_words(words, language)
            n_phones = sum(bool(phone) for phone in re.split(r"[_|]", together))
            if n_phones >= sum(bool(word) for word in alone):
                assert "".join(found).replace("_", "") == re.sub(r"[_|]", "", together), (language, words)
            groups = [re.sub("_+", "_", group.strip("_")) for group in together.split("|")]
            if len(groups) == count and all(groups) and not any("|" in word for word in alone):
                assert found == groups, (language, words)


def test_a_sound_that_changes_beside_the_next_word_stays_in_its_word() -> None:
    assert word_spans([["a", "t"], ["d", "i"]], [["a"], ["t", "i"]]) == [1, 2]


def test_a_linking_sound_stays_with_the_word_before() -> None:
    assert word_spans([["f", "ɔː"], ["ˈeɪ"]], [["f", "ɚ", "ɹ", "ə"]]) == [3, 1]


def test_a_word_without_phones_alone_may_have_none() -> None:
    assert word_spans([["a"], [], ["t"]], [["a", "t"]]) == [1, 0, 1]


def test_more_than_can_be_aligned_in_a_moment_is_not() -> None:
    many = ["a"] * (MAX_PAIRS // 100)
    assert word_spans([many], [many]) == [len(many)]
    assert word_spans([many, ["t"] * 10], [[*many, "t"]]) is None
    short = ["a"] * 900
    assert word_spans([short] * 2, [[*short, *short]]) == [900, 900]


def test_fewer_phones_than_words_have_no_spans() -> None:
    assert word_spans([["a"], ["t"], ["a"]], [["a"], ["t"]]) is None


@given(st.lists(PHONES, min_size=1, max_size=6), st.data())
def test_words_that_are_not_joined_are_the_groups(alone: list[list[str]], data: st.DataObject) -> None:
    groups = [group for group in alone if group]
    counts = word_spans(alone, groups or [[]])
    assert counts == [len(phones) for phones in alone]
    edge = data.draw(st.integers(0, max(0, len(groups) - 2)))
    joined = [*groups[:edge], [phone for group in groups[edge : edge + 2] for phone in group]]
    assert word_spans(alone, [*joined, *groups[edge + 2 :]] if groups else [[]]) == counts


@given(st.lists(PHONES, min_size=1, max_size=6), st.lists(PHONES, min_size=1, max_size=6))
def test_spans_hold_all_phones_whatever_was_said(alone: list[list[str]], groups: list[list[str]]) -> None:
    counts = word_spans(alone, groups)
    n_spoken, n_words = sum(len(group) for group in groups), sum(bool(phones) for phones in alone)
    assert (counts is None) == (n_spoken < n_words)
    if counts is not None:
        assert sum(counts) == n_spoken
        assert all(count >= bool(phones) for count, phones in zip(counts, alone, strict=True))


def test_another_stress_is_nearer_than_another_vowel_and_that_than_a_consonant() -> None:
    costs = [_cost(alone, "a") for alone in ("a", "ˈa", "i", "t")]
    assert costs == sorted(set(costs))


def test_espeaks_voices_have_a_dictionary_and_do_not_crash() -> None:
    voices = _usable_voices()
    assert {"en-us", "de", "cmn"} <= voices
    # espeak-ng 1.52 dies in Greenlandic, whose dictionary is there.
    assert "kl" not in voices
