"""Marks around a text that GPT-SoVITS's decoder needs to begin and to end well.

As its `inference_webui.py`: a text, or a prompt, without a mark at its end gets a full stop, and one of fewer
than 6 phones another before it. Here they are added to the phones, so that no rule of reading sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.frontend.text.phonemized import Phonemized
from models.frontend.text.symbols import load_symbol_table

FEWEST_PHONES = 6
"""Texts with fewer phones, their last mark included, begin with a mark."""
STOP = "."


def missing_marks(phones: Sequence[str], symbol_table: str) -> tuple[int, int]:
    """How many marks a text of these phones lacks before it, and after it: none or one each."""
    marks = load_symbol_table(symbol_table).marks
    after = 0 if phones and phones[-1] in marks else 1
    return int(len(phones) + after < FEWEST_PHONES), after


def with_marks(runs: Sequence[Phonemized]) -> tuple[Phonemized, ...]:
    """The runs of a text with the marks that it lacks, in its first and its last run."""
    before, after = missing_marks([phone for run in runs for phone in run.phones], runs[0].symbol_table)
    marked = list(runs)
    if after:
        marked[-1] = _joined(marked[-1], _stop(marked[-1]))
    if before:
        marked[0] = _joined(_stop(marked[0]), marked[0])
    return tuple(marked)


def _stop(run: Phonemized) -> Phonemized:
    """A full stop in a run's language."""
    stop_id = load_symbol_table(run.symbol_table).ids[STOP]
    return Phonemized(STOP, run.language, run.symbol_table, [STOP], [STOP], [stop_id], [1], [])


def _joined(first: Phonemized, second: Phonemized) -> Phonemized:
    return first._replace(
        normalized_text=first.normalized_text + second.normalized_text,
        words=first.words + second.words,
        phones=first.phones + second.phones,
        phone_ids=first.phone_ids + second.phone_ids,
        word2ph=first.word2ph + second.word2ph,
        unknown=first.unknown + second.unknown,
        own_words=[*first.own_words, *(at + len(first.words) for at in second.own_words)],
    )
