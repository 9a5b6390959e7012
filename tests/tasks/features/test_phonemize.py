"""One text that cannot be read is one rejected row."""

from __future__ import annotations

import pytest

from configs.loading import resolve
from tasks.features.phonemize import phonemize_rows
from tasks.features.stages import PHONEMIZE
from tasks.stage import ConfigView


def row(text: str, language: str) -> dict[str, str]:
    return {"utterance_id": text[:8], "source_digest": "", "text": text, "language": language}


@pytest.mark.slow
def test_texts_that_break_a_reader_are_rejected_and_their_neighbours_are_read() -> None:
    cfg = ConfigView(resolve("tiny").settings, PHONEMIZE.config)
    texts = ["നമസ്കാരം", "\u0301\u0d5ce\u0d5e", "ന " * 4000, "നമസ്കാരം"]
    first, crashing, long, last = phonemize_rows([row(text, "ml") for text in texts], cfg, {})
    assert first.rows == last.rows and first.rows
    assert [one.rejects[0].code for one in (crashing, long)] == ["unreadable_text", "too_many_characters"]


def test_a_number_that_stays_in_digits_is_named() -> None:
    cfg = ConfigView(resolve("tiny").settings, PHONEMIZE.config)
    said, unsaid = phonemize_rows([row("ሰላም 345", "am"), row("ሰላም 7654321", "am")], cfg, {})
    assert not any("num2words" in warning for warning in said.warnings)
    assert any("7654321" in warning and "am" in warning for warning in unsaid.warnings)


def test_a_language_without_rules_is_named_where_its_texts_hold_figures() -> None:
    cfg = ConfigView(resolve("tiny").settings, PHONEMIZE.config)
    texts = [
        ("Wort 24", "de"),
        ("25 år", "sv"),
        ("år", "sv"),
        ("sivè 24", "ht"),
        ("sivè 72", "ht"),
        ("24", "cv"),
    ]
    german, swedish, plain, haitian, again, chuvash = phonemize_rows([row(*text) for text in texts], cfg, {})
    assert not any("no rules" in warning for outcome in (german, plain) for warning in outcome.warnings)
    assert any("language sv" in warning and "said in words" in warning for warning in swedish.warnings)
    assert any("counts to 30" in warning for warning in haitian.warnings)
    assert again.warnings == haitian.warnings
    assert chuvash.rejects[0].code == "unknown_symbols"


def test_the_figures_of_japanese_are_left_to_open_jtalk_without_a_word() -> None:
    pytest.importorskip("pyopenjtalk", reason="Japanese is not installed: pip install -e '.[ja]'")
    cfg = ConfigView(resolve("tiny").settings, PHONEMIZE.config)
    read = phonemize_rows([row("3月", "ja")], cfg, {})[0]
    assert read.rows and not any("num2words" in warning for warning in read.warnings)
