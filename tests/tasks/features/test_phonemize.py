"""One text that cannot be read is one rejected row."""

from __future__ import annotations

from configs.loading import resolve
from tasks.features.phonemize import phonemize_rows
from tasks.features.stages import PHONEMIZE
from tasks.stage import ConfigView


def row(text: str, language: str) -> dict[str, str]:
    return {"utterance_id": text[:8], "source_digest": "", "text": text, "language": language}


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
