"""Written text to spoken words by rules that are the same in every language and read its `Vocabulary`."""

from __future__ import annotations

from collections.abc import Callable

from models.frontend.text.capitals import lower_capitals
from models.frontend.text.rules_amounts import (
    expand_fractions,
    expand_identifiers,
    expand_minus,
    expand_money,
    expand_numbers,
    expand_ordinals,
    expand_roman,
    expand_units,
    translate_notation,
)
from models.frontend.text.rules_dates import (
    expand_durations,
    expand_figure_dates,
    expand_iso_dates,
    expand_month_dates,
    expand_phones,
    expand_ranges,
    expand_ratios,
    expand_times,
)
from models.frontend.text.rules_words import (
    expand_abbreviations,
    expand_addresses,
    expand_capitals,
    expand_multiplication,
    expand_signs,
)
from models.frontend.text.vocabulary import Vocabulary

Rule = Callable[[str, Vocabulary], str]

# In this order: what a rule leaves in figures, or takes away, is what the next ones see.
_BEFORE: tuple[Rule, ...] = (
    expand_addresses, translate_notation, expand_abbreviations, expand_iso_dates, expand_figure_dates,
    expand_phones, expand_minus, expand_multiplication, expand_ranges,
)  # fmt: skip
_AFTER: tuple[Rule, ...] = (
    expand_month_dates, expand_durations, expand_times, expand_ratios, expand_money, expand_fractions,
    expand_units, expand_roman, expand_ordinals, expand_identifiers, expand_numbers, expand_signs,
    expand_capitals,
)  # fmt: skip


def verbalize(text: str, words: Vocabulary, own: tuple[Rule, ...] = ()) -> str:
    """Folded text with everything that is not a word written out.

    own: rules of the language alone; they come when ranges are parted and before anything counts.
    """
    text = lower_capitals(text, words.spelled)
    for rule in (*_BEFORE, *own, *_AFTER):
        text = rule(text, words)
    return text
