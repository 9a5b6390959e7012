"""Language of texts and corpora, and scripts."""

from __future__ import annotations

import unicodedata

import pytest

from models.frontend.language import (
    foreign_share,
    has_words,
    identify,
    languages_of,
    spoken_length,
)

ENGLISH = [
    "Please call Stella.",
    "Ask her to bring these things with her from the store.",
    "The earliest book printed with movable types, the Gutenberg Bible.",
    "It was a matter of course that in the Middle Ages craftsmen took care.",
    "You do not mean that you thought me so silly.",
    "He should notice the position and temperature of the body.",
]
GERMAN = [
    "Sie lag an der saarländisch-pfälzischen Grenze.",
    "Er wurde in der Nähe der Hauptstadt geboren und früh ein Waisenkind.",
    "Auch die Liga fand bisher ohne thailändische Beteiligung statt.",
    "Sie blieb am Theater und schaffte nie den Sprung zum Film.",
    "Das anschließende Engagement endete bereits nach sieben Monaten.",
    "Die Gemeinde liegt im Süden des Landes an einem kleinen Fluss.",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH[1], "en"),
        (GERMAN[1], "de"),
        ("今天天气很好，我们去公园散步吧。", "zh"),
        ("שלום עולם, מה שלומך", "he"),
    ],
)
def test_a_sentence_is_identified(text: str, language: str) -> None:
    found = identify(text)
    assert found.language == language
    assert found.confidence > 0.6


def test_a_corpus_has_one_language_and_short_texts_do_not_change_it() -> None:
    assert [share.language for share in languages_of([*GERMAN, "Ja.", "Nein!", "OK"])] == ["de"]


def test_a_stray_foreign_text_does_not_make_a_corpus_mixed() -> None:
    for stray in ("今天天气很好，我们去公园散步吧。", "שלום עולם, מה שלומך היום?"):
        found = languages_of(["than in the same operations with ugly ones.", stray])
        assert [share.language for share in found] == ["en"]


SERBIAN = "Јутрос је падала киша, а сада сија сунце над градом. "


@pytest.mark.parametrize("n_texts", [2, 3, 6, 15])
def test_one_odd_text_however_long_does_not_turn_a_corpus(n_texts: int) -> None:
    texts = (ENGLISH * 3)[1 : n_texts + 1]
    for odd in (SERBIAN, SERBIAN * 3, SERBIAN * 20_000, GERMAN[1] * 200):
        assert [share.language for share in languages_of([odd, *texts])] == ["en"]


def test_a_bilingual_corpus_keeps_both_largest_first() -> None:
    found = languages_of(ENGLISH + GERMAN[:5])
    assert {share.language for share in found} == {"en", "de"}
    assert sum(share.share for share in found) == pytest.approx(1.0)
    assert found[0].share >= found[1].share


def test_texts_without_letters_have_no_language() -> None:
    assert languages_of(["", "123", "😀🎉"]) == []


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("Grüße aus Köln", "de", 0.0),
        ("今天天气很好", "en", 1.0),
        ("שלום", "en", 1.0),
        ("我喜欢 Python", "zh", 0.0),
        ("キャンプの電柱", "ja", 0.0),
        ("Привет", "ru", 0.0),
        ("12 + 3", "en", 0.0),
        ("e\u0301te\u0301", "fr", 0.0),
        ("ﾆﾎﾝｺﾞ", "ja", 0.0),
        ("ନମସ୍କାର", "or", 0.0),
        ("নমস্কাৰ", "as", 0.0),
        ("নমস্কার", "bpy", 0.0),
        ("Сәлам", "tt", 0.0),
        ("Сәләм", "ba", 0.0),
        ("Салам", "cv", 0.0),
        ("Салам", "nog", 0.0),
        ("Салам", "az", 0.0),
        ("Salam", "tk", 0.0),
        ("سلام", "sd", 0.0),
        ("سڵاو", "ku", 0.0),
        ("नमस्कार", "kok", 0.0),
        ("ሰላም", "ti", 0.0),
        ("χαῖρε", "grc", 0.0),
        ("မႂ်ႇသုင်", "shn", 0.0),
        ("ᎣᏏᏲ", "chr", 0.0),
        ("你好 ngi ho", "hak", 0.0),
    ],
)
def test_scripts(text: str, language: str, foreign: float) -> None:
    assert foreign_share(text, language) == foreign


def test_words_and_lengths() -> None:
    assert not has_words("😀 … !?")
    assert has_words("7")
    assert spoken_length("abc, d") == 4
    assert spoken_length("广州") == 6
    assert spoken_length(unicodedata.normalize("NFD", "안녕")) == spoken_length("안녕") == 6
