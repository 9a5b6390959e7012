"""Numbers to words for any language that num2words speaks; other digits are left to the pronouncer."""

from __future__ import annotations

import functools
import re
from decimal import Decimal

from models.frontend.text.steps import TooManyStepsError, within_steps

# Longer runs of digits are identifiers: nobody says them as one number.
_MAX_CARDINAL_DIGITS = 15
# Lines of Python; of all languages' numbers of up to 15 digits none takes more than 17,300.
_MAX_STEPS = 100_000
# Letters may touch it: what it counts ("12,000원", "1,5kg"), and any word where a script has no spaces.
_NUMBER = re.compile(
    r"(?:(?<![\w.,])[-−])?(?<![\d.,])"
    r"(?:\d{1,2}(?:,\d\d)+,\d{3}|\d+(?:[.,'\u00a0 ](?=\d{3}(?!\d))\d{3})*)(?:[.,]\d+)?(?!\d)"
)
_DIGIT_RUN = re.compile(r"\d+")
_DECIMAL_POINT = frozenset((
    "en", "zh", "yue", "ja", "ko", "he", "th", "am", "ti", "bn", "kn", "te", "hi", "ta", "ml", "mr", "gu",
    "pa", "or", "as", "ne", "si", "ur", "my", "ms", "sw", "fa", "cy", "ga", "gd", "mt", "mi", "haw",
))  # fmt: skip
_NUM2WORDS_NAMES = {"nb": "no", "nn": "no", "kk": "kz", "pt-br": "pt_BR"}
# Commas between thousands and hundreds, which would be spoken as pauses.
_PARTED = frozenset(("pt-br",))
# num2words 0.5.14 has no negative numbers in these, or says them as if they were none (-3 as 17, in vi).
_MINUS = {
    "cs": "minus", "pl": "minus", "sk": "mínus", "bn": "মাইনাস", "kn": "ಮೈನಸ್", "te": "మైనస్", "vi": "âm",
}  # fmt: skip
# It leaves out the decimals of these, makes .05 or .5 of the other, or .50 of .5.
_POINT = {"cy": "pwynt", "ar": "فاصلة", "bn": "দশমিক", "fa": "ممیز", "tr": "virgül", "vi": "phẩy"}
# Measured with espeak-ng 1.52 from 0 to 999 and on: above these numbers it says the same of different ones.
_ESPEAK_COUNTS_TO = {
    "gn": 10, "haw": 30, "ht": 30, "mto": 999, "nci": 39, "quc": 9, "qya": 9, "shn": 99, "si": 6,
}  # fmt: skip
_ESPEAK_SILENT = frozenset(("chr", "cv", "sjn"))
_ESPEAK_NO_ZERO = frozenset(("quc", "qya"))
_ESPEAK_IN_ENGLISH = frozenset(("grc",))
# espeak counts in its language only where the figures are that script's.
_ESPEAK_FIGURES = {"ne": str.maketrans("0123456789", "०१२३४५६७८९")}


@functools.lru_cache(maxsize=1)
def _num2words_languages() -> frozenset[str]:
    import num2words

    return frozenset(num2words.CONVERTER_CLASSES)


def number_words(value: int | Decimal, language: str, form: str = "cardinal") -> str | None:
    """`value` in words, or None where num2words cannot say it in that language or form.

    Nor where it would go on for ever, as its 0.5.14 does with Amharic numbers of seven digits.

    form: cardinal, ordinal or year (the forms of num2words).
    """
    if not says_numbers(language):
        return None
    # Decimals are not kept: 1.5 and 1.50 are equal and said differently.
    return (
        _whole_words(value, language, form)
        if isinstance(value, int)
        else _by_num2words(value, language, form)
    )


@functools.lru_cache(maxsize=8192)
def _whole_words(value: int, language: str, form: str) -> str | None:
    return _by_num2words(value, language, form)


def _by_num2words(value: int | Decimal, language: str, form: str) -> str | None:
    from num2words import num2words

    if value < 0 and language in _MINUS:
        said = number_words(-value, language, form)
        return None if said is None else f"{_MINUS[language]} {said}"
    name = _NUM2WORDS_NAMES.get(language, language)
    try:
        words = within_steps(lambda: num2words(value, lang=name, to=form), _MAX_STEPS)
    except (NotImplementedError, ArithmeticError, ValueError, TypeError, LookupError, TooManyStepsError):
        return None
    return str(words).replace(",", "") if language in _PARTED else str(words)


def says_numbers(language: str) -> bool:
    """Whether num2words speaks the language, so that a number left in digits is one that it cannot say."""
    return _NUM2WORDS_NAMES.get(language, language) in _num2words_languages()


def digit_words(digits: str, language: str) -> str | None:
    """Digits one by one ("0049" -> "zero zero four nine"), or None where the language is unknown."""
    spoken = [number_words(int(digit), language) for digit in digits]
    if any(word is None for word in spoken):
        return None
    return " ".join(word for word in spoken if word)


def parse_number(text: str, language: str) -> Decimal | None:
    """The value of a written number in the language's own notation, or None when it is none.

    "1,234.5" (en) and "1.234,5" (de) are the same number. A group of exactly three digits after the
    thousands mark is a group; any other mark is the decimal one. Where the point is decimal, groups of two
    may precede the last one, as in India ("1,23,456").
    """
    decimal_mark = "." if language in _DECIMAL_POINT else ","
    thousands_mark = "," if decimal_mark == "." else "."
    bare = re.sub(r"[' \u00a0]", "", text).replace("−", "-")
    groups = rf"-?\d{{1,3}}(?:\{thousands_mark}\d{{3}})+(?:\{decimal_mark}\d+)?"
    in_lakhs = decimal_mark == "." and re.fullmatch(r"-?\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?", bare)
    if in_lakhs or re.fullmatch(groups, bare):
        bare = bare.replace(thousands_mark, "")
    bare = bare.replace(",", ".")
    if not re.fullmatch(r"-?\d+(?:\.\d+)?", bare) or len(bare) > _MAX_CARDINAL_DIGITS:
        return None
    return Decimal(bare)


def spell_number(text: str, language: str) -> str:
    """One written number in words; unchanged where it cannot be said."""
    digits = re.sub(r"\D", "", text)
    value = parse_number(text, language)
    said_as_digits = value is None or (len(digits) > 1 and digits[0] == "0" and text[0] == "0")
    if said_as_digits and digits == text:
        return digit_words(digits, language) or text
    if value is None:
        return text
    if value != value.to_integral_value() or "." in str(value):
        # No full stop, which would end the sentence.
        return _decimal_words(value, language) or str(value).replace(".", ",")
    # Without its marks espeak counts it, where num2words does not.
    return number_words(int(value), language) or str(int(value))


def _decimal_words(value: Decimal, language: str) -> str | None:
    size = abs(value)
    if language in _POINT:
        decimals = digit_words(str(size).partition(".")[2], language)
        said = f"{number_words(int(size), language)} {_POINT[language]} {decimals}"
    else:
        said = number_words(size, language) or ""
    if value >= 0 or not said:
        return said or None
    # num2words has no minus below zero and above -1.
    minus = _minus(language)
    return f"{minus} {said}" if minus else number_words(value, language)


def _minus(language: str) -> str:
    below, one = number_words(-1, language) or "", number_words(1, language) or ""
    return below.removesuffix(one).strip() if one and below.endswith(one) else ""


def espeak_figures(digits: str, language: str) -> str:
    """Figures that no library has words for, one by one above what espeak-ng can count to."""
    if language in _ESPEAK_FIGURES:
        return digits.translate(_ESPEAK_FIGURES[language])
    most = _ESPEAK_COUNTS_TO.get(language)
    if most is None or not digits.isdecimal() or (len(digits) < len(str(most)) or int(digits) <= most):
        return digits
    return " ".join(digits)


def espeak_counting(language: str) -> str:
    """What becomes of figures in a language that neither we nor num2words have number words for."""
    if language in _ESPEAK_SILENT:
        return "nothing reads its numbers (espeak-ng is silent); write them in words"
    if language in _ESPEAK_IN_ENGLISH:
        return "espeak-ng reads its numbers in English; write them in words"
    most = _ESPEAK_COUNTS_TO.get(language)
    if most is not None:
        zero = " and has no zero" if language in _ESPEAK_NO_ZERO else ""
        larger = "larger numbers are read figure by figure; write them in words"
        return f"espeak-ng counts to {most}{zero}, {larger}"
    return "espeak-ng reads its numbers by its own rules; write them in words where something else is said"


def spell_numbers(text: str, language: str) -> str:
    """Every number in the text in words, as far as the language's number words are known.

    Digits that touch letters ("B2B", "MP3") are said on their own.
    """
    text = _NUMBER.sub(lambda match: f" {spell_number(match.group(), language)} ", text)
    text = _DIGIT_RUN.sub(lambda match: f" {spell_number(match.group(), language)} ", text)
    if says_numbers(language):
        return text
    return _DIGIT_RUN.sub(lambda match: espeak_figures(match.group(), language), text)
