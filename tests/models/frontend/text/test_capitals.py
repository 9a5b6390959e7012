"""Transcripts in capitals are words; abbreviations stay what they are."""

from __future__ import annotations

import pytest

from models.frontend.text.capitals import is_readable, lower_capitals
from models.frontend.text.english.capitals import unshouted
from models.frontend.text.normalize import normalize, normalized_text


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ("HEUTE IST EIN TAG", "heute ist ein tag"),
        ("ПРИВЕТ ВСЕМ", "привет всем"),
        ("ΚΑΛΗΜΕΡΑ ΣΑΣ", "καλημερα σας"),
        ("BONJOUR", "bonjour"),
        ("USA", "USA"),
        ("16 GB RAM", "16 GB RAM"),
        ("Heute IST ein TAG", "Heute IST ein TAG"),
        ("नमस्ते", "नमस्ते"),
        ("我 OK NBA", "我 OK NBA"),
        ("123", "123"),
    ],
)
def test_only_a_text_of_capitals_is_lowered(text: str, lowered: str) -> None:
    assert lower_capitals(text) == lowered


@pytest.mark.parametrize(
    "language", ["de", "fr", "es", "it", "nl", "pl", "pt", "sv", "cs", "hu", "fi", "lb", "tr"]
)
def test_a_transcript_in_capitals_is_read_as_words(language: str) -> None:
    assert normalized_text(normalize("MAMA LALA KOMA", language), language) == "mama lala koma"


def test_turkish_capitals_have_small_letters_of_their_own() -> None:
    assert normalized_text(normalize("IŞIK İSTANBUL", "tr"), "tr") == "ışık istanbul"
    assert normalized_text(normalize("ISI KIRMIZI İZ", "az"), "az") == "ısı kırmızı iz"


@pytest.mark.parametrize("word", ["NATO", "UNESCO", "WICHTIG", "SCHRIFT", "DAX", "АГАТА"])
def test_what_can_be_read(word: str) -> None:
    assert is_readable(word)


@pytest.mark.parametrize("word", ["ADFC", "SPD", "DSGVO", "AAAA", "HTTP", "США"[:2]])
def test_what_cannot_be_read(word: str) -> None:
    assert not is_readable(word)


def test_i_stays_a_capital_where_all_others_become_small() -> None:
    assert unshouted("NOW I KNOW WHAT I SAY") == "now I know what I say"
