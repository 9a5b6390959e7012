"""Written text to spoken words: numbers, dates, times, money, abbreviations, signs.

English and Chinese have rules of their own (`normalize_en`, `normalize_zh`; Cantonese is written with the
Chinese ones), German and the languages beside it have the rules of `verbalize` with a vocabulary each
(`normalize_de` and so on). Every other language gets its number words from num2words, and what that library
cannot say stays in digits, which espeak reads itself where it counts in that language (`numbers`).
"""

from __future__ import annotations

import html
import re
import unicodedata

from models.frontend.text.capitals import lower_capitals
from models.frontend.text.characters import Token, detokenize, fold, tokenize
from models.frontend.text.front_ends import rules
from models.frontend.text.numbers import spell_numbers
from models.frontend.text.phonemized import base_language

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(
    r"</?(?:a|b|big|blockquote|br|center|cite|code|del|div|em|font|h[1-6]|hr|i|img|ins|li|mark|ol|p|pre|q|s|small|span"
    r"|strong|sub|sup|table|td|th|tr|tt|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_UNSPACED = frozenset(("zh", "yue", "ja"))
_READS_POWERS = frozenset(("en", "zh", "yue"))
_POWER_OF_UNIT = re.compile(r"(?<=[^\W\d_])[²³]")
_POWER = re.compile(r"[²³]")
_POWERS = {"en": "^{}", "zh": "的{}次方", "yue": "的{}次方"}
# Squares and cubes stay for the rules; of all others NFKC would make "10⁶" one number, 106.
_HIGH_POWER = re.compile(r"(?<=\d)(?![²³](?![⁰¹²³⁴-⁹]))[⁺⁻]?[⁰¹²³⁴-⁹]+")
# NFKC makes letters of these signs, "No" and "oC", which are words or parts of some.
_NUMERO = re.compile(r"№|(?<!\w)[nN](?:\.?º|°)")
_DEGREE = re.compile(r"º(?=[CF]\b)")
_NAMES_NUMERO = frozenset(("de", "es", "fr", "it", "lb", "nl", "pl", "pt", "ru"))


def normalize(text: str, language: str) -> list[Token]:
    """Words and marks as they are spoken. `language`: its code, with a region ("pt-br") or without.

    Any text is accepted; the list is empty when nothing in it can be spoken.
    """
    expand, base = rules(language), base_language(language)
    text = _DEGREE.sub("°", without_markup(text))
    if base in _NAMES_NUMERO:
        text = _NUMERO.sub("n°", text)
    folded = fold(_HIGH_POWER.sub(lambda match: _high_power(match[0], base), text))
    if base == "el":
        # Greek asks with it: no semicolon.
        folded = folded.replace(";", ",")
    if base not in _READS_POWERS:
        folded = _plain_powers(folded)
    spelled = expand(folded) if expand else spell_numbers(lower_capitals(folded, language=base), base)
    return tokenize(fold(spelled))


def _plain_powers(text: str) -> str:
    """Units as the vocabularies spell them, "m2"; the power of a number is a number of its own."""
    text = _POWER_OF_UNIT.sub(lambda match: f"{unicodedata.digit(match[0])}", text)
    return _POWER.sub(lambda match: f" {unicodedata.digit(match[0])} ", text)


def _high_power(written: str, language: str) -> str:
    figures = unicodedata.normalize("NFKC", written).replace("−", "-").lstrip("+")
    return _POWERS.get(language, " {} ").format(figures)


def without_markup(text: str) -> str:
    """Text out of a web page: its entities as the characters that they stand for, its tags gone."""
    if "&" in text:
        # Twice: pages quote what is quoted already.
        text = _ENTITY.sub(_character, _ENTITY.sub(_character, text))
    return _TAG.sub(" ", text) if "<" in text else text


def _character(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def normalized_text(tokens: list[Token], language: str) -> str:
    """The tokens written out again; Chinese and Japanese have no spaces between their words."""
    return detokenize(tokens, separator="" if language in _UNSPACED else " ")
