"""Which modules read which language, by name.

Nothing here imports them: a text brings its language along, so a stage that reads texts learns row by row
whose rules it needs, and its key holds these and no other language's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from models.frontend.text.characters import Token
from models.frontend.text.phonemized import base_language
from models.frontend.text.regions import regional
from models.frontend.text.vocabulary import Vocabulary

Reader = Callable[[list[Token]], list[tuple[str, list[str]]]]
"""Words and marks of a text to each one's phones."""
Rules = Callable[[str], str]
"""Written text to the words that are spoken."""

_READERS = {
    "en": ("models.frontend.text.arpabet", "english_tokens"),
    "zh": ("models.frontend.text.pinyin", "chinese_tokens"),
    "ja": ("models.frontend.text.japanese", "japanese_tokens"),
    "ko": ("models.frontend.text.korean", "korean_tokens"),
    "yue": ("models.frontend.text.cantonese", "cantonese_tokens"),
}
"""For GPT-SoVITS's tables; the table `ipa` is espeak's in every language."""
_RULES = {
    "en": "models.frontend.text.normalize_en",
    "de": "models.frontend.text.normalize_de",
    "es": "models.frontend.text.normalize_es",
    "fr": "models.frontend.text.normalize_fr",
    "it": "models.frontend.text.normalize_it",
    "ja": "models.frontend.text.normalize_ja",
    "lb": "models.frontend.text.normalize_lb",
    "nl": "models.frontend.text.normalize_nl",
    "pl": "models.frontend.text.normalize_pl",
    "pt": "models.frontend.text.normalize_pt",
    "ru": "models.frontend.text.normalize_ru",
    "zh": "models.frontend.text.normalize_zh",
    "yue": "models.frontend.text.normalize_zh",
}
_RULES_OF_REGION = {"pt-br": "expand_brazilian"}
"""Functions beside the language's own, in its module."""


def modules_of(language: str, symbol_table: str) -> tuple[str, ...]:
    """Modules that only texts of this language need, beside those that every text needs."""
    base = base_language(language)
    found = [_RULES[base]] if base in _RULES else []
    if symbol_table != "ipa" and base in _READERS:
        found.append(_READERS[base][0])
    return tuple(found)


@cache
def reader(base: str) -> Reader:
    """The front end of a base language for GPT-SoVITS's tables; KeyError where they do not hold it."""
    module, function = _READERS[base]
    found: Reader = getattr(import_module(module), function)
    return found


@cache
def rules(language: str) -> Rules | None:
    """How numbers, dates and abbreviations are read; None where the language has no rules of its own."""
    base = base_language(language)
    if base not in _RULES:
        return None
    name = _RULES_OF_REGION.get(regional(language) or base, "expand")
    found: Rules = getattr(import_module(_RULES[base]), name)
    return found


def vocabulary(base: str) -> Vocabulary | None:
    """What the rules of a base language read; None where it has none, or rules of another kind."""
    found: Vocabulary | None = getattr(import_module(_RULES[base]), "WORDS", None) if base in _RULES else None
    return found
