"""Written text to spoken words: numbers, dates, times, money, abbreviations, signs.

English and Chinese have rules of their own (`normalize_en`, `normalize_zh`; Cantonese is written with the
Chinese ones), German and the languages beside it have the rules of `verbalize` with a vocabulary each
(`normalize_de` and so on). Every other language gets its number words from num2words, and what that library
cannot say stays in digits, which espeak reads itself where it counts in that language (`numbers`).
"""

from __future__ import annotations

from models.frontend.text.capitals import lower_capitals
from models.frontend.text.characters import Token, detokenize, fold, tokenize
from models.frontend.text.front_ends import rules
from models.frontend.text.numbers import spell_numbers

_UNSPACED = frozenset(("zh", "yue", "ja"))


def normalize(text: str, language: str) -> list[Token]:
    """Words and marks as they are spoken. `language`: base code ("en", "de", "zh", "sv").

    Any text is accepted; the list is empty when nothing in it can be spoken.
    """
    folded = fold(text)
    expand = rules(language)
    spelled = expand(folded) if expand else spell_numbers(lower_capitals(folded), language)
    return tokenize(fold(spelled))


def normalized_text(tokens: list[Token], language: str) -> str:
    """The tokens written out again; Chinese and Japanese have no spaces between their words."""
    return detokenize(tokens, separator="" if language in _UNSPACED else " ")
