"""A number is said in every language, or it is known that it is not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.text.espeak_ipa import supported_languages
from models.frontend.text.g2p import phonemize
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.normalize_lb import cardinal, ordinal, year
from models.frontend.text.numbers import espeak_counting, number_words, says_numbers
from models.frontend.text.phonemized import base_language
from models.frontend.text.symbols import UNKNOWN

SILENT = {"chr", "cv", "sjn"}
WITHOUT_ZERO = {"quc", "qya"}
LANGUAGES = sorted({base_language(voice) for voice in supported_languages()} - {"ja", "chr"})
NUMBERS = (0, 4, 7, 20, 24, 70, 74, 90, 105, 999, 1672, 70_000)


def phones_of(number: int | str, language: str) -> tuple[str, ...]:
    return tuple(phonemize(f"{number}", language, "ipa").phones)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_is_said_and_no_two_alike(language: str) -> None:
    said = {number: phones_of(number, language) for number in NUMBERS}
    if language in SILENT:
        assert all(phonemize(str(number), language, "ipa").unknown for number in NUMBERS)
        return
    for number, phones in said.items():
        is_said = bool(set(phones) - {UNKNOWN, "-", ","})
        assert is_said == (number != 0 or language not in WITHOUT_ZERO)
    assert len(set(said.values())) == len(NUMBERS)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    st.integers(min_value=0, max_value=10**9), st.sampled_from(sorted(set(LANGUAGES) - SILENT - WITHOUT_ZERO))
)
def test_a_number_among_words_adds_phones(number: int, language: str) -> None:
    without = phonemize("a , b", language, "ipa").phones
    assert len(phonemize(f"a, {number} b", language, "ipa").phones) > len(without)


@pytest.mark.parametrize("language", [each for each in LANGUAGES if says_numbers(each)])
def test_neither_decimals_nor_a_minus_are_lost(language: str) -> None:
    for written in ("3.14", "3,14"):
        said = normalized_text(normalize(written, language), language)
        assert said not in (normalized_text(normalize("3", language), language), "")
    below_zero = number_words(-3, language)
    assert below_zero is None or below_zero != number_words(3, language)


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("ko", "12,000원", "만 이천 원"), ("ko", "약 3.5배", "약 삼 점 오 배"),
        ("th", "ราคา1,234บาท", "ราคา หนึ่งพันสองร้อยสามสิบสี่ บาท"),
        ("sv", "1,5kg", "ett komma fem kg"), ("uk", "ковід-19", "ковід - дев'ятнадцять"),
        ("tr", "3,5", "üç virgül beş"), ("ar", "3.5", "ثلاثة فاصلة خمسة"),
        ("vi", "3,05", "ba phẩy không năm"),
        ("fa", "3.05", "سه ممیز صفر پنج"), ("bn", "3.05", "তিন দশমিক শূন্য পাঁচ"),
        ("vi", "-3", "âm ba"), ("sv", "-0,5", "minus noll komma fem"),
        ("el", "1.234.567", "1234567"), ("hi", "1,23,456", "123456"), ("gu", "1,234", "1234"),
        ("hi", "3.5 किलो", "3, 5 किलो"),
    ],
)  # fmt: skip
def test_numbers_are_read_whole_whatever_touches_them(language: str, written: str, said: str) -> None:
    assert normalized_text(normalize(written, language), language) == said


@pytest.mark.parametrize("language", ["de", "fr", "es", "it", "nl", "pl", "pt", "ru", "lb"])
@settings(deadline=None, max_examples=60)
@given(text=st.text(alphabet="0123456789.,:/-–€%°½ IVXe kghmäA", max_size=24))
def test_no_figure_is_left_or_lost(language: str, text: str) -> None:
    said = normalized_text(normalize(text, language), language)
    assert not re.search(r"\d", said)
    if re.search(r"\d", text):
        assert re.search(r"\w", said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "null"), (1, "eent"), (16, "siechzéng"), (21, "eenanzwanzeg"), (24, "véieranzwanzeg"),
        (33, "dräiandrësseg"), (46, "sechsavéierzeg"), (55, "fënnefafofzeg"), (70, "siwwenzeg"),
        (72, "zweeasiwwenzeg"), (88, "aachtanachtzeg"), (90, "nonzeg"), (100, "honnert"),
        (101, "honnert eent"), (1672, "dausend sechs honnert zweeasiwwenzeg"),
        (2_000_000, "zwou Milliounen"), (1_000_001, "eng Millioun eent"),
    ],
)  # fmt: skip
def test_luxembourgish_counts(value: int, said: str) -> None:
    assert cardinal(value) == said


@given(st.lists(st.integers(min_value=0, max_value=10**15 - 1), min_size=2, max_size=2, unique=True))
def test_luxembourgish_numbers_are_all_different(values: list[int]) -> None:
    assert cardinal(values[0]) != cardinal(values[1])


def test_luxembourgish_ordinals_and_years() -> None:
    assert ordinal(3, "Mee") == "drëtte" and ordinal(3, "Dag") == "drëtten"
    assert year(1672) == "siechzéng honnert zweeasiwwenzeg"
    assert cardinal(10**15) is None


def test_what_espeak_makes_of_numbers_is_told() -> None:
    assert "counts to 30" in espeak_counting("ht")
    assert "English" in espeak_counting("grc")
    assert "silent" in espeak_counting("cv")
    assert "has no zero" in espeak_counting("qya")
    assert "own rules" in espeak_counting("hi")
