"""Rules for money, units, fractions, ordinals, Roman numerals and the numbers that are left."""

from __future__ import annotations

import functools
import re

from models.frontend.text.rules_words import roman_value
from models.frontend.text.spoken_numbers import (
    BEFORE,
    NUMBER,
    counted,
    form_of,
    is_millions,
    number,
    of_millions,
    value_of,
    whole,
)
from models.frontend.text.vocabulary import Currency, Noun, Vocabulary

_MINUS = re.compile(r"(?:(?<=^)|(?<=[\s(]))(?<!\d )[-−](?=\d)|−(?= ?\d)")
_FRACTION = re.compile(
    r"(?<![\d/.,⁄])(?:(?P<whole>\d{1,9})[ ]?)??(?P<over>\d{1,2})[⁄](?P<under>\d{1,2})"
    r"(?P<noun> ?[^\W\d_][\w/]*)?(?![\d/⁄])"
    r"|(?<![\w/.,])(?:(?P<whole_>\d{1,9}) )?(?P<over_>\d{1,2})/(?P<under_>\d{1,3})"
    r"(?P<noun_> (?:[^\W\d_][\w/]*|[%‰]))?(?![\w/]|[.,]\d)"
)
_VERSION = re.compile(r"(?<![\d.,])\d+(?:\.\d+){2,}(?![\d]|,\d)")
_GROUPS = re.compile(r"\d{1,3}(?:\.\d{3})+")
_AFTER_LETTER = re.compile(r"(?<=[^\W\d_])\d")
_BEFORE_LETTER = re.compile(r"\d(?=[^\W\d_])")
_LEADING_COMMA = re.compile(r"(?<![\w.,])([.,])(?=\d)")
_MANY = "1000"
_ANY_DIGITS = re.compile(r"\d+")
_ENGLISH_NOTATION = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})(?!\d|[.,]\d)")
_OTHER_MARKS = str.maketrans(",.", ".,")


def translate_notation(text: str, words: Vocabulary) -> str:
    """ "1,234.56" and "1,234,567", which are English beyond doubt, as the language writes them."""
    del words
    return _ENGLISH_NOTATION.sub(lambda match: match[0].translate(_OTHER_MARKS), text)


def expand_minus(text: str, words: Vocabulary) -> str:
    """A sign before a number that nothing precedes."""
    return _MINUS.sub(f"{words.minus} ", text)


def expand_money(text: str, words: Vocabulary) -> str:
    """ "12,50 €", "$5", "3 Mio. Euro", "EUR 20"."""

    def _money(match: re.Match[str]) -> str:
        amount, name = match["amount"] or match["amount_"], match["name"] or match["name_"]
        magnitude = match["magnitude"] or match["magnitude_"]
        per = f" {words.per} " if match["per"] else ""
        return _amount(amount, magnitude, words.currencies[name], words) + per

    return _money_pattern(words).sub(_money, text)


@functools.cache
def _money_pattern(words: Vocabulary) -> re.Pattern[str]:
    names = "|".join(sorted(map(re.escape, words.currencies), key=len, reverse=True))
    signs = "|".join(re.escape(name) for name in words.currencies if not name.islower() and len(name) < 4)
    magnitudes = "|".join(sorted(map(re.escape, words.magnitudes), key=len, reverse=True)) or "(?!)"
    end = r"(?!\w)"
    return re.compile(
        rf"{BEFORE}(?P<amount>{NUMBER})(?:,[-–—]{{1,2}})? ?"
        rf"(?:(?P<magnitude>{magnitudes}){end} ?(?:de |d')?)?(?P<name>{names}){end}"
        rf"(?P<per>/(?=[^\W\d_]{{3}}))?"
        rf"|(?<!\w)(?P<name_>{signs}) ?(?P<amount_>{NUMBER})(?: ?(?P<magnitude_>{magnitudes}){end})?(?!\d)"
    )


def _amount(amount: str, magnitude: str | None, money: Currency, words: Vocabulary) -> str:
    value = value_of(amount, words)
    if magnitude:
        unit = form_of(_MANY, money.unit, words)
        return f"{counted(amount, words.magnitudes[magnitude], words)}{of_millions(unit, words)}{unit}"
    if value is None or value == int(value) or money.hundredth is None or not re.search(r"[.,]\d\d$", amount):
        rounded = amount if value is None or value != int(value) else str(int(value))
        return counted(rounded, money.unit, words)
    whole_part, part = str(int(value)), str(int(value * 100) % 100)
    if whole_part == "0":
        return counted(part, money.hundredth, words)
    return words.money.format(
        whole=number(whole_part, words, money.unit.gender), unit=form_of(whole_part, money.unit, words),
        part=number(part, words, money.hundredth.gender if "{hundredth}" in words.money else ""),
        hundredth=form_of(part, money.hundredth, words),
    )  # fmt: skip


def expand_units(text: str, words: Vocabulary) -> str:
    """ "5 kg", "20 %", "-3 °C"; what stands after a stroke is said with "per"."""

    def _unit(match: re.Match[str]) -> str:
        return counted(match[1], _unit_named(match[2], words), words)

    def _per(match: re.Match[str]) -> str:
        return f" {words.per} {_unit_named(match[1], words).forms[0]}"

    pattern, after_stroke = _unit_patterns(words)
    return after_stroke.sub(_per, pattern.sub(_unit, text))


def _unit_named(written: str, words: Vocabulary) -> Noun:
    return words.units.get(written) or _lower_units(words)[written.casefold()]


@functools.cache
def _lower_units(words: Vocabulary) -> dict[str, Noun]:
    """A text in capitals was lowered: "KG" and "°C" are "kg" and "°c"."""
    return {written.casefold(): noun for written, noun in words.units.items() if len(written) > 1}


@functools.cache
def _unit_patterns(words: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    named = {**words.units, **_lower_units(words)}
    units = "|".join(sorted(map(re.escape, named), key=len, reverse=True))
    return (
        re.compile(rf"{BEFORE}({NUMBER}) ?({units})(?![\w°²³]|⁄)"),
        re.compile(rf"(?<=[^\W\d_])/({units})(?!\w)"),
    )


def expand_fractions(text: str, words: Vocabulary) -> str:
    """ "1/2", "½", "2 3/4"; figures with a stroke that are none are said one after the other ("24/7").

    Folding writes 2½ as 21⁄2, whose numerator is one figure.
    """

    def _fraction(match: re.Match[str]) -> str:
        name = "" if match["under"] else "_"
        whole_part, over = match[f"whole{name}"], match[f"over{name}"]
        under, noun = int(match[f"under{name}"]), (match[f"noun{name}"] or "").strip()
        if not name and not whole_part and len(over) > 1:
            whole_part, over = over[:-1], over[-1]
        if under not in words.fractions or int(over) >= under:
            return re.sub(r"[/⁄]", " ", match[0])
        return _fraction_words(int(whole_part or 0), int(over), under, noun, words)

    return _FRACTION.sub(_fraction, text)


def _fraction_words(whole_part: int, over: int, under: int, noun: str, words: Vocabulary) -> str:
    """noun: the word after the fraction, which some languages say before a half ("deux heures et demie")."""
    unit = words.units.get(noun) or _units_by_name(words).get(noun)
    gender = unit.gender if unit else _gender_of(noun, words)
    part_of = unit.forms[min(words.after_fraction, len(unit.forms) - 1)] if unit else noun
    if (over, under) == (1, 2):
        if whole_part:
            gender = gender if gender in words.and_a_half else "m"
            templates = words.one_and_a_half if whole_part == 1 and words.one_and_a_half else words.and_a_half
            forms = {"noun": noun, "many": noun, "part": noun}
            if unit is not None and noun in words.units:
                counted_by = {"noun": str(whole_part), "many": _MANY}
                forms = {name: form_of(by, unit, words) for name, by in counted_by.items()}
                forms["part"] = part_of
            return templates[gender].format(whole=whole(whole_part, words, gender), **forms).strip()
        return f"{words.half[gender if unit else '']} {part_of}".strip()
    said = counted(str(over), words.fractions[under], words)
    if whole_part and gender and words.and_a_fraction:
        many = form_of(_MANY, unit, words) if unit and noun in words.units else noun
        whole_words = whole(whole_part, words, "m")
        return words.and_a_fraction.format(whole=whole_words, part=said.lower(), many=many)
    if whole_part:
        said = f"{whole(whole_part, words)} {words.signs['&']} {said}"
    return f"{said} {part_of}".strip()


@functools.cache
def _units_by_name(words: Vocabulary) -> dict[str, Noun]:
    return {form: noun for noun in words.units.values() for form in noun.forms}


def expand_roman(text: str, words: Vocabulary) -> str:
    """Roman numerals: a ruler's ("Louis XIV"), a century's ("XIXe siècle"), a chapter's ("Kapitel IV")."""

    def _after(match: re.Match[str]) -> str:
        said = words.ordinal(roman_value(match[1].upper()), match[2]) if words.ordinal else None
        return match[0] if said is None else f"{said}{match[3]}"

    def _named(match: re.Match[str]) -> str:
        value = roman_value(match[2])
        if match[1].lower() in words.counting:
            return f"{match[1]} {whole(value, words)}"
        if match[1] in words.rulers and words.ruler:
            return f"{match[1]} {words.ruler(value, match[1])}"
        return match[0]

    after, named = _roman_patterns(words)
    return named.sub(_named, after.sub(_after, text))


@functools.cache
def _roman_patterns(words: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return (
        re.compile(rf"\b([IVX]+)({words.after_roman})()"),
        re.compile(r"\b([^\W\d_]+\.?) ([IVXL]+)\b(?!')"),
    )


def expand_ordinals(text: str, words: Vocabulary) -> str:
    """ "1er", "2e", "3º" (which is folded to "3o")."""

    def _ordinal(match: re.Match[str]) -> str:
        said = words.ordinal(int(match[1]), match[2]) if words.ordinal else None
        return match[0] if said is None else said

    return _ordinal_pattern(words).sub(_ordinal, text)


@functools.cache
def _ordinal_pattern(words: Vocabulary) -> re.Pattern[str]:
    return re.compile(rf"{BEFORE}(\d{{1,4}})({words.ordinal_mark})(?!\w)")


def expand_identifiers(text: str, words: Vocabulary) -> str:
    """Figures that touch letters ("MP3", "A4") and versions ("1.2.3") are words of their own."""

    def _version(match: re.Match[str]) -> str:
        if _GROUPS.fullmatch(match[0]):
            return match[0]
        return f" {words.web['.']} ".join(number(part, words) for part in match[0].split("."))

    text = _VERSION.sub(_version, text)
    text = _AFTER_LETTER.sub(r" \g<0>", text)
    return _BEFORE_LETTER.sub(r"\g<0> ", text)


def expand_numbers(text: str, words: Vocabulary) -> str:
    """Every number that is left, in the gender of the noun after it where that shows."""

    def _number(match: re.Match[str]) -> str:
        written, following = match["number"], match["following"]
        before = match.string[: match.start()].rstrip().rpartition(" ")[2].lower()
        is_counted = following is not None and before not in words.counting
        gender = _gender_of(following, words, written) if is_counted else ""
        value = value_of(written, words)
        of = of_millions(following, words) if gender and value is not None and is_millions(value) else " "
        return number(written, words, gender) + (of if following else "")

    text = _LEADING_COMMA.sub(r"0\1", text)
    text = _plain_number().sub(_number, text)
    return _ANY_DIGITS.sub(lambda match: f" {number(match[0], words)} ", text)


@functools.cache
def _plain_number() -> re.Pattern[str]:
    return re.compile(rf"{BEFORE}(?P<number>{NUMBER})(?!\w)(?: (?=(?P<following>[^\W\d_]{{2,}})))?")


def _gender_of(following: str, words: Vocabulary, counts: str = "1") -> str:
    """Gender of a noun that follows the number `counts`, "" where what follows is none."""
    if not following or following.lower() in words.function_words:
        return ""
    value = value_of(counts, words)
    is_few = bool(words.feminine_few) and value is not None and words.plural(value) == 1
    return "f" if re.fullmatch(words.feminine_few if is_few else words.feminine, following) else "m"
