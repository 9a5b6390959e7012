"""Rules for what is no number: addresses of the web, abbreviations, signs, words in capitals."""

from __future__ import annotations

import functools
import re

from models.frontend.text.capitals import is_readable
from models.frontend.text.spoken_numbers import whole
from models.frontend.text.vocabulary import Vocabulary

_ADDRESS = re.compile(
    r"(?<![\w@.])(?:https?://|www\.)[\w./?=&%#~:+-]*[\w/]"
    r"|(?<![\w@.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w@./-])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|eu|de|at|ch|fr|es|it|nl|be|pl|pt|br|ru|uk|io|lu)"
    r"(?:/[\w./-]*\w)?(?![\w@]|\.\w)",
    re.I,
)
_PARTS = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_")
_SCHEME = re.compile(r"^https?://", re.I)
_MULTIPLICATION = re.compile(r"(?<=\d) ?x ?(?=\d)|(?<=\w) x (?=\d)|(?<=\d) ?x (?=\w)")
_CAPITALS = re.compile(r"(?<!\w)[^\W\d_]{2,}(?![\w])")
_DOTTED = re.compile(r"(?<![\w.])(?:[^\W\d_]\.){2,}(?!\w)")
_CASELESS_LETTERS = 4
_ROMAN = re.compile(r"[IVX]{2,}")
_NAME = "[A-ZÀ-ÖØ-ÞŁŚŻŹĆŒА-ЯЁ][a-zß-öø-ÿąćęłńóśźżœа-яё]"


def expand_addresses(text: str, words: Vocabulary) -> str:
    """Addresses of the web and of mail: their signs by name, short pieces as letters."""
    return _ADDRESS.sub(lambda match: _address(match[0], words), text)


def _address(written: str, words: Vocabulary) -> str:
    spoken = []
    for part in _PARTS.findall(_SCHEME.sub("", written)):
        if part in words.web:
            spoken.append(words.web[part])
        elif part.isdecimal():
            spoken.append(part)
        elif part[0].isalpha():
            is_letters = part.lower() == "www" or (len(part) < 4 and not is_readable(part))
            spoken.append(" ".join(part.upper()) if is_letters else part)
    return " ".join(spoken)


def expand_abbreviations(text: str, words: Vocabulary) -> str:
    """Abbreviations as the vocabulary lists them; the full stop of one that ends the text stays."""
    pattern, spoken = _abbreviations(words)

    def _spoken(match: re.Match[str]) -> str:
        said, rest = spoken[_bare(match[0])], match.string[match.end() :]
        if match[0].endswith(".") and not rest.strip():
            return f"{said}."
        return f"{said} " if rest[:1].isalnum() else said

    return pattern.sub(_spoken, text)


def abbreviation_spans(text: str, words: Vocabulary) -> list[tuple[int, int]]:
    """Begin and end of each abbreviation in a text that the vocabulary lists."""
    return [match.span() for match in _abbreviations(words)[0].finditer(text)]


def _bare(written: str) -> str:
    return written.replace(" ", "").casefold()


@functools.cache
def _abbreviations(words: Vocabulary) -> tuple[re.Pattern[str], dict[str, str]]:
    written = sorted((written for written, _ in words.abbreviations), key=len, reverse=True)
    alternatives = "|".join(_abbreviation(each, words) for each in written)
    return re.compile(rf"(?<![\w.])(?:{alternatives})"), {
        _bare(written): spoken for written, spoken in words.abbreviations
    }


def _abbreviation(written: str, words: Vocabulary) -> str:
    """Pattern of one: a figure or a name may touch its last sign ("Nr.5", "Dr.Müller")."""
    pattern = re.escape(written).replace(r"\ ", " ?")
    # Case counts in short ones: "M." is monsieur, "m." none.
    pattern = pattern if len(written) < _CASELESS_LETTERS else f"(?i:{pattern})"
    if written in words.before_figures:
        return rf"{pattern}(?= ?\d)"
    if written[-1].isalnum():
        return rf"{pattern}(?!\w)"
    # Folders have strokes before them too, and neither initials nor endings of files begin as names do.
    start = "(?<!/)" if written.endswith("/") else ""
    return rf"{start}{pattern}(?:(?!\w)|(?=\d)|(?={_NAME}))"


def expand_multiplication(text: str, words: Vocabulary) -> str:
    """ "4x4", "5 cm x 3 cm" """
    return _MULTIPLICATION.sub(f" {words.signs['×']} ", text)


def expand_signs(text: str, words: Vocabulary) -> str:
    """Signs between words by their names."""
    for sign, spoken in words.signs.items():
        text = text.replace(sign, f" {spoken} ")
    return text


def expand_capitals(text: str, words: Vocabulary) -> str:
    """Words in capitals as letters ("U S A") or, where they can be read, as words ("Nato").

    Initials with full stops are letters without a pause between them ("U.S.A.").
    """
    text = _DOTTED.sub(lambda match: _initials(match, words), text)
    return _CAPITALS.sub(lambda match: _capitals(match[0], words), text)


def _initials(match: re.Match[str], words: Vocabulary) -> str:
    del words
    ends = "" if match.string[match.end() :].strip() else "."
    return " ".join(match[0].replace(".", "").upper()) + ends


def _capitals(word: str, words: Vocabulary) -> str:
    if not word.isupper():
        return word
    if word in words.spelled:
        return " ".join(word)
    if word in words.read or word.lower() in words.function_words:
        return word.lower() if word.lower() in words.function_words else word.capitalize()
    if _ROMAN.fullmatch(word):
        return whole(roman_value(word), words)
    is_word = len(word) > 3 and is_readable(word)
    return word.capitalize() if is_word else " ".join(word)


def roman_value(numeral: str) -> int:
    """Value of a Roman numeral, whose order of signs is not judged."""
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[sign] for sign in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)
