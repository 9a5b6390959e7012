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
_NUMBER = re.compile(r"(?<![\w.,])[-−]?\d+(?:[.,'\u00a0 ](?=\d{3}(?!\d))\d{3})*(?:[.,]\d+)?(?!\w)")
_DIGIT_RUN = re.compile(r"\d+")
_DECIMAL_POINT = frozenset(
    ("en", "zh", "ja", "ko", "he", "th", "am", "bn", "kn", "te", "hi", "ta", "ms", "sw", "fa", "cy")
)
_NUM2WORDS_NAMES = {"nb": "no", "nn": "no", "kk": "kz"}


@functools.lru_cache(maxsize=1)
def _num2words_languages() -> frozenset[str]:
    import num2words

    return frozenset(num2words.CONVERTER_CLASSES)


def number_words(value: int | Decimal, language: str, form: str = "cardinal") -> str | None:
    """`value` in words, or None where num2words cannot say it in that language or form.

    Nor where it would go on for ever, as its 0.5.14 does with Amharic numbers of seven digits.

    form: cardinal, ordinal or year (the forms of num2words).
    """
    from num2words import num2words

    if not says_numbers(language):
        return None
    name = _NUM2WORDS_NAMES.get(language, language)
    try:
        words = within_steps(lambda: num2words(value, lang=name, to=form), _MAX_STEPS)
    except (NotImplementedError, ArithmeticError, ValueError, TypeError, LookupError, TooManyStepsError):
        return None
    return str(words)


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
    thousands mark is a group; any other mark is the decimal one.
    """
    decimal_mark = "." if language in _DECIMAL_POINT else ","
    thousands_mark = "," if decimal_mark == "." else "."
    bare = re.sub(r"[' \u00a0]", "", text).replace("−", "-")
    if re.fullmatch(rf"-?\d{{1,3}}(?:\{thousands_mark}\d{{3}})+(?:\{decimal_mark}\d+)?", bare):
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
    whole = value == value.to_integral_value() and "." not in str(value)
    return number_words(int(value) if whole else value, language) or text


def spell_numbers(text: str, language: str) -> str:
    """Every number in the text in words, as far as the language's number words are known.

    Digits that touch letters ("B2B", "MP3") are said on their own.
    """
    text = _NUMBER.sub(lambda match: f" {spell_number(match.group(), language)} ", text)
    return _DIGIT_RUN.sub(lambda match: f" {spell_number(match.group(), language)} ", text)
