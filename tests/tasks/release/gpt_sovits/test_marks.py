"""Marks that a text needs for the decoder, and only those."""

from __future__ import annotations

import pytest

from models.frontend.text.g2p import phonemize
from models.frontend.text.symbols import load_symbol_table
from tasks.release.gpt_sovits.marks import with_marks

TABLE = "gpt-sovits-v2"


def phones_of(*texts: tuple[str, str]) -> tuple[list[str], list[str]]:
    """Phones before and after marks were added; texts with their languages."""
    runs = [phonemize(text, language, TABLE) for text, language in texts]
    marked = with_marks(runs)
    return [p for run in runs for p in run.phones], [p for run in marked for p in run.phones]


@pytest.mark.parametrize(
    "text", ["Good morning everyone", "It costs 3", "Numbers, like no"], ids=lambda text: text
)
def test_a_text_without_a_last_mark_gets_a_full_stop(text: str) -> None:
    before, after = phones_of((text, "en"))
    assert after == [*before, "."]


@pytest.mark.parametrize("mark", [".", ",", "!", "?", "…"])
def test_a_text_that_ends_in_a_mark_keeps_it(mark: str) -> None:
    before, after = phones_of((f"Good morning everyone{mark}", "en"))
    assert before[-1] == mark
    assert after == before


@pytest.mark.parametrize(
    ("text", "n_phones", "expected"),
    [
        ("Hi", 2, "{before}{phones}{after}"),
        ("Hello.", 5, "{before}{phones}"),
        ("Blocks", 5, "{phones}{after}"),
        ("Blocks.", 6, "{phones}"),
    ],
)
def test_a_text_of_fewer_than_6_phones_begins_with_a_full_stop(
    text: str, n_phones: int, expected: str
) -> None:
    before, after = phones_of((text, "en"))
    assert len(before) == n_phones
    assert "".join(after) == expected.format(before=".", phones="".join(before), after=".")


def test_marks_go_into_the_first_and_the_last_language() -> None:
    runs = [phonemize("好", "zh", TABLE), phonemize("I", "en", TABLE)]
    first, last = with_marks(runs)
    assert (first.language, last.language) == ("zh", "en")
    assert (first.words, last.words) == ([".", "好"], ["I", "."])
    stop = load_symbol_table(TABLE).ids["."]
    for run in (first, last):
        assert sum(run.word2ph) == len(run.phones) == len(run.phone_ids)
    assert first.phone_ids[0] == last.phone_ids[-1] == stop
    # What was read is not changed.
    assert runs[0].words == ["好"]


def test_words_with_own_pronunciations_keep_their_places() -> None:
    run = phonemize("Hi", "en", TABLE)._replace(own_words=[0])
    (marked,) = with_marks([run])
    assert [marked.words[at] for at in marked.own_words] == ["Hi"]
