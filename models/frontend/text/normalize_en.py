"""English: what is written in figures, signs and capitals as the words that are said."""

from __future__ import annotations

import re

from models.frontend.text.english import (
    abbreviations,
    capitals,
    codes,
    dates,
    figures,
    initials,
    money,
    roman,
    signs,
    times,
    units,
    web,
)
from models.frontend.text.english.rule import Rule, apply

_WORDS: tuple[tuple[re.Pattern[str], tuple[Rule, ...]], ...] = (
    (re.compile(r"[+#−-]"), signs.GRADES),
    (re.compile(r"[@#]|//|\.\w"), web.RULES),
    (re.compile(r"[./]|\d|(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Lt|Sgt|Capt|Rev) "), abbreviations.RULES),
    (re.compile(r"(?<!\w)[A-Za-z]\.|Ph|Sc"), initials.RULES),
    (re.compile(r"(?<!\w)(?:[IVXLCDM]+|[ivx]{2,})(?!\w)|WW"), roman.RULES),
)
"""Kinds of writing without figures, and what none of them does without."""
_NUMBERS = (
    *signs.MINUS,
    *figures.GROUPS,
    *money.RULES,
    *dates.RULES,
    *codes.RULES,
    *times.RULES,
    *figures.FRACTIONS,
    *figures.RANGES,
    *figures.DECADES,
    *units.RULES,
    *figures.RULES,
)
_DIGIT = re.compile(r"\d")


def expand(text: str) -> str:
    """Folded English text with everything that is not a word written out; any text is accepted.

    Each kind of writing has its rules, and the order is theirs: what one has said is words to the next. The
    letters of abbreviations come out full-width, which `fold` makes plain.
    """
    for needed, rules in _WORDS:
        if needed.search(text):
            text = apply(rules, text)
    text = capitals.unshouted(text)
    if _DIGIT.search(text):
        # Digits of other scripts have the same values.
        text = apply(_NUMBERS, _DIGIT.sub(lambda match: str(int(match[0])), text))
    return apply((*units.RATES, *signs.RULES), capitals.spelled_out(text))
