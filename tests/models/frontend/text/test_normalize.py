"""Written text becomes spoken words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.frontend.text.characters import MARKS, fold, tokenize
from models.frontend.text.g2p import phonemize
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.normalize_zh import MAX_PIECE
from models.frontend.text.numbers import parse_number

ENGLISH = [
    ("Mr. Smith paid $3.50.", "mister Smith paid three dollars and fifty cents."),
    ("Dr. Jones, No. 7", "doctor Jones, number seven"),
    ("She said no. He left.", "She said no. He left."),
    ("St. John's on Main St.", "saint John's on Main street."),
    ("in 1984 and 2026", "in nineteen eighty four and twenty twenty six"),
    ("1,984 people", "one thousand nine hundred and eighty four people"),
    ("the 21st, at 10:05", "the twenty first, at ten oh five"),
    ("Nov. 21, 2026", "November twenty first, twenty twenty six"),
    ("2026-11-21", "November twenty first twenty twenty six"),
    ("5% of 3.14", "five percent of three point one four"),
    ("the 1980s", "the nineteen eighties"),
    ("$3 million", "three million dollars"),
    ("agent 007", "agent zero zero seven"),
    ("B2B", "B two B"),
    ("e.g. cats & dogs", "for example cats and dogs"),
    ("well-known - don't", "well known - don't"),
    ("“Hello”, he said… (twice)", "Hello, he said… twice"),
]
GERMAN = [
    ("Am 3. Oktober 1990", "Am dritten Oktober neunzehnhundertneunzig"),
    ("Der 2. Weltkrieg endete 1945. Um", "Der zweite Weltkrieg endete neunzehnhundertfünfundvierzig. Um"),
    ("z.B. 2,5 kg", "zum Beispiel zwei Komma fünf Kilogramm"),
    ("12,50 €", "zwölf Euro fünfzig"),
    ("3.000 Euro", "dreitausend Euro"),
    ("um 14:30 Uhr", "um vierzehn Uhr dreißig"),
    ("um 1:00 Uhr", "um ein Uhr"),
    ("am 21.11.2026", "am einundzwanzigsten November zweitausendsechsundzwanzig"),
    ("5 %, usw.", "fünf Prozent, und so weiter."),
]
CHINESE = [
    ("2024年10月1日", "二零二四年十月一日"),
    ("10203人", "一万零二百零三人"),
    ("3.14%", "百分之三点一四"),
    ("10:05", "十点零五分"),
    ("¥12.5。", "十二点五元."),
    ("-5°C", "负五摄氏度"),
]


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [("en", *case) for case in ENGLISH]
    + [("de", *case) for case in GERMAN]
    + [("zh", *case) for case in CHINESE]
    + [("sv", "25 år", "tjugofem år"), ("fr", "3,5", "trois virgule cinq"), ("hi", "25 साल", "25 साल")],
)
def test_written_forms_are_spoken_out(language: str, written: str, spoken: str) -> None:
    assert normalized_text(normalize(written, language), language) == spoken


@pytest.mark.parametrize("written", ["1", "1.", "3-5", "12月", "$", "2个", "1/2 ", "千万1", "0.5%", "5×"])
def test_long_chinese_texts_are_read_in_pieces(written: str) -> None:
    text = (written * 2000)[:2000]
    said = normalized_text(normalize(text, "zh"), "zh")
    assert not any(character.isdigit() for character in said)


@given(st.text(alphabet="一二中文,，。0123456789%年月日-:/.", max_size=3 * MAX_PIECE))
@settings(deadline=None, max_examples=100)
def test_what_is_no_number_of_a_chinese_text_stays(text: str) -> None:
    said = normalized_text(normalize(text, "zh"), "zh")
    assert said.count("中") == text.count("中")
    assert said.count("文") == text.count("文")
    assert not any(character.isdigit() for character in said)


def test_number_notation_follows_the_language() -> None:
    assert parse_number("1,234.5", "en") == parse_number("1.234,5", "de")
    assert parse_number("1.5", "en") == parse_number("1,5", "fr")
    assert parse_number("1" * 40, "en") is None


def test_marks_are_unified_and_collapsed() -> None:
    assert [token.text for token in tokenize(fold("，你好！！？ «ok»。。"))] == ["你好", "?", "ok", "…"]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        (".\ud7fc.", "…"), ("10²", "10²"), ("2½", "2 1⁄2"), ("Windows™", "Windows"), ("ŉ", "'n"),
        ("。\u200b。", "…"), ("‥", "…"), ("a\u3164b", "a\u1160b"), ("…́", "…́"),
    ],
)  # fmt: skip
def test_what_dropping_and_decomposing_brings_together_is_folded_too(text: str, folded: str) -> None:
    assert fold(text) == folded == fold(folded)


@given(
    st.text(max_size=60) | st.text(alphabet=st.sampled_from(".。…‥'ŉ´¨ \u0301\u200b\ud7fc\x00-"), max_size=20)
)
def test_folding_twice_changes_nothing_and_leaves_encodable_text(text: str) -> None:
    folded = fold(text)
    folded.encode("utf-8")
    assert fold(folded) == folded


@pytest.mark.parametrize(
    ("written", "marks"),
    [
        ("a; b", [";"]),
        ("a؛ b； c", [";", ";"]),
        ("a: b： c", [":", ":"]),
        ("a፣ b، c", [",", ","]),
        ("a ,; b ;, c", [";", ";"]),
        ("a ;: b :; c", [":", ":"]),
        ("a :- b; - c", [":", ";"]),
        ("a :… b;! c:?", ["…", "!", "?"]),
    ],
)
def test_of_marks_that_meet_the_strongest_stays(written: str, marks: list[str]) -> None:
    assert [token.text for token in tokenize(fold(written)) if token.is_mark] == marks


@pytest.mark.parametrize("mark", [";", "\u037e"])
def test_what_asks_in_greek_is_no_semicolon(mark: str) -> None:
    assert [token.text for token in normalize(f"Πού είσαι{mark} Εδώ.", "el") if token.is_mark] == [",", "."]


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_what_pages_of_the_web_write_is_decoded_in_every_language(language: str) -> None:
    said = normalized_text(normalize("A&#39;s <b>b</b>&nbsp;c<br/>d &amp;eacute;", language), language)
    assert said.lower() == "a's b c d é"


@pytest.mark.parametrize("written", ["{}", "{}th", "${}.50", "1/{}", "{}:{}", "{} kg", "+{}", "Call {}"])
def test_numbers_longer_than_anything_are_read(written: str) -> None:
    assert len(normalize(written.replace("{}", "9" * 5000), "en")) >= 5000


def test_the_letter_a_is_no_article() -> None:
    for symbol_table, letter, article in (("gpt-sovits-v2", "EY1", "AH0"), ("ipa", "ˈeɪ", "ɐ")):
        assert phonemize("AI is new.", "en", symbol_table).phones[0] == letter
        assert phonemize("A dog barks.", "en", symbol_table).phones[0] == article


@settings(deadline=None, max_examples=200)
@given(
    st.text(alphabet=st.characters() | st.sampled_from("0123456789.,:-$€%/ '"), max_size=40),
    st.sampled_from(["en", "de", "zh", "sv", "fr", "ar", "th", "xx"]),
)
def test_any_text_becomes_words_and_marks(text: str, language: str) -> None:
    for token in normalize(text, language):
        assert token.text
        assert token.is_mark == (token.text in MARKS)
        assert " " not in token.text


_ENGLISH_PIECES = (
    *"0123456789",
    *(
        "-",
        "–",
        "/",
        ".",
        ",",
        ":",
        "'",
        '"',
        " ",
        "$",
        "€",
        "¢",
        "%",
        "°",
        "+",
        "^",
        "x",
        "#",
        "@",
        "&",
        "½",
        "²",
    ),
    *(
        "am",
        "p.m.",
        "kg",
        "km/h",
        "st",
        "th",
        "s",
        "k",
        "B",
        "M",
        "A",
        "I",
        "XIV",
        "No.",
        "Jan.",
        "May",
        "Call ",
        "v",
    ),
    *(
        "Henry ",
        "Chapter ",
        "U.S.",
        "www.",
        ".com",
        "&amp;",
        "&#39;",
        "<br>",
        "the ",
        "٣",
        "\u00a0",
        "\n",
        "((",
        "ft",
    ),
)


@given(st.lists(st.sampled_from(_ENGLISH_PIECES), max_size=14).map("".join))
def test_english_loses_no_number_and_leaves_no_digit(text: str) -> None:
    said = normalized_text(normalize(text, "en"), "en")
    assert not any(character.isdigit() for character in said)
    if any(character.isdigit() for character in re.sub(r"&#?\w+;", "", text)):
        assert said


@given(st.text(max_size=30), st.from_regex(r"[0-9]{1,12}", fullmatch=True), st.text(max_size=30))
def test_every_number_between_words_is_said(before: str, digits: str, after: str) -> None:
    without = normalize(f"{before} word word {after}", "en")
    assert len(normalize(f"{before} word {digits} word {after}", "en")) > len(without)


_ENGLISH_WRITING = (
    *(
        "the",
        "A dog",
        "it is",
        "AI",
        "U.S.",
        "NASA",
        "Dr. Jones",
        "and",
        "Henry VIII",
        "grade A",
        "no.",
        "I",
        "us",
    ),
    *(
        "$5k",
        "5%",
        "3:30pm",
        "7 am",
        "1984",
        "1,984",
        "21st",
        "2.4kg",
        "1/2",
        "10-20",
        "555-1234",
        "Jan. 5,",
        "v2.0",
    ),
    *(
        "AT&T",
        "R&D",
        "e.g.",
        "IT",
        "-3",
        "the '90s",
        "x = 4",
        "iOS",
        "John's",
        "10²",
        "#5",
        "@ noon",
        "www.x.com",
    ),
)


@given(st.lists(st.sampled_from(_ENGLISH_WRITING), max_size=9).map(" ".join))
def test_what_was_said_is_read_as_it_is(text: str) -> None:
    said = normalized_text(normalize(text, "en"), "en")
    assert normalized_text(normalize(said, "en"), "en") == said


@given(st.integers(min_value=0, max_value=10**14))
def test_no_digit_survives_english_or_chinese(value: int) -> None:
    for language in ("en", "zh"):
        said = normalized_text(normalize(f"x {value} y", language), language)
        assert not any(character.isdigit() for character in said)


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("10⁶ cells", "en", "ten to the power of six cells"),
        ("10⁻³", "en", "ten to the power of minus three"),
        ("10²³ and 10²", "en", "ten to the power of twenty three and ten squared"),
        ("10⁶个", "zh", "十的六次方个"),
        ("10⁶ Zellen", "de", "zehn sechs Zellen"),
        ("10⁶", "sv", "tio sex"),
    ],
)
def test_a_power_is_no_part_of_its_number(written: str, language: str, spoken: str) -> None:
    assert normalized_text(normalize(written, language), language) == spoken
