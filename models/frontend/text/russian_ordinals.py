"""Russian ordinals: years, centuries and rulers, in the case that the words around ask for."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.rules_words import roman_value
from models.frontend.text.vocabulary import Vocabulary

_RULERS = (
    "Пётр Петр Петра Екатерина Екатерины Николай Николая Александр Александра Иван Ивана Павел Людовик "
    "Людовика Генрих Генриха Карл Карла Филипп Вильгельм Фридрих Елизавета Елизаветы Наполеон Иоанн Пий "
    "Бенедикт Георг Василий Рамсес"
)
_HARD = {
    "я": "ая", "ая": "ая", "е": "ое", "ое": "ое", "го": "ого", "му": "ому", "м": "ом", "ом": "ом", "х": "ых",
    "ых": "ых", "ые": "ые", "ю": "ую", "ую": "ую", "ей": "ой", "ми": "ыми", "ым": "ым",
}  # fmt: skip
_SOFT = {
    "я": "ья", "ья": "ья", "е": "ье", "го": "ьего", "му": "ьему", "м": "ьем", "х": "ьих", "ю": "ью",
    "ей": "ьей",
}  # fmt: skip
_CASES = {"": "й", "а": "го", "е": "м", "у": "му", "ом": "м"}
# By the endings of год and век after "в", after "к", after a noun and where nothing precedes: one, several.
_AFTER_IN, _AFTER_TO, _OF, _ALONE = ("е", "ах"), ("у", "ам"), ("а", "ов"), ("", "")
_RULER = re.compile(rf"\b({'|'.join(_RULERS.split())}) ([IVX]+)\b")
_YEAR = re.compile(r"(?<![\w.,])([12]\d{3})(?:-(?:го|м|й))? (?:год(а|у|ом|)|(г)\.?)(?!\w)")
_CENTURY = re.compile(r"(?<![\w.,-])(?:([IVX]+)|(\d{1,2})) (?=век(а|е|у|ом|)\b)")
_COUNTS_CENTURIES = re.compile(r"2?[234]")
_BEFORE = r"(?:\b(?P<before>[^\W\d_]+\.?) )?(?<![\w.,-])"
_AND = r"(?P<and> ?[-–—] ?| и )"
_SHORT_CENTURY = re.compile(
    rf"{_BEFORE}(?:(?P<first>[IVX]+|\d{{1,2}}){_AND})?(?P<last>[IVX]+|\d{{1,2}}) ?вв?\.(?!\w)"
)
_SHORT_YEARS = re.compile(rf"{_BEFORE}(?P<first>[12]\d{{3}}){_AND}(?P<last>[12]\d{{3}}) ?гг\.?(?!\w)")
_SHORT_DECADE = re.compile(rf"{_BEFORE}(?P<decade>\d{{2,4}}-(?:е|х|м)) гг\.?(?!\w)")
_SHORT_NOUN = re.compile(r"(?<!\w)(гг|вв)\.")
_DECADE = re.compile(r"(?<!\w)(\d{1,4})-е(?= годы)")


def ordinal(value: int, mark: str) -> str | None:
    """The ordinal of figures with the ending that they have ("5-я", "90-е", "3-го")."""
    said = number_words(value, "ru", "ordinal")
    if said is None:
        return None
    stem, is_third = re.sub(r"(?:ый|ой|ий)$", "", said), said.endswith("третий")
    found = (_SOFT if is_third else _HARD).get(mark.lstrip("-"))
    return said if found is None else stem + found


def genitive(value: int) -> str:
    """The ordinal as it stands in a date."""
    return ordinal(value, "-го") or str(value)


def expand_russian_ordinals(text: str, words: Vocabulary) -> str:
    """ "в 2021 году", "1941–1945 гг.", "90-е годы", "в XIX в.", "Пётр I" """
    text = _SHORT_YEARS.sub(lambda match: _several(match, "год"), text)
    text = _SHORT_DECADE.sub(_decade, text)
    text = _SHORT_CENTURY.sub(lambda match: _several(match, "век"), text)
    text = _SHORT_NOUN.sub(lambda match: "годы" if match[1] == "гг" else "века", text)
    text = _DECADE.sub(r"\1-ые", text)
    text = _YEAR.sub(lambda match: _year(match, words), text)
    return _RULER.sub(_ruler, _CENTURY.sub(_century, text))


def _several(match: re.Match[str], noun: str) -> str:
    """One or two ordinals and the noun that is written short, "век" or "год"."""
    before = match["before"] or ""
    case = _case_after(before)
    one, many = case
    written = [figures for figures in (match["first"], match["last"]) if figures]
    said = [ordinal(_value(figures), _CASES[one]) or figures for figures in written]
    is_one = len(said) == 1
    plural = {"": "а" if noun == "век" else "ы"}.get(many, many)
    between = match["and"].strip() if match["and"] else ""
    return f"{before} {f' {between} '.join(said)} {noun}{one if is_one else plural}{_stop(match)}".strip()


def _decade(match: re.Match[str]) -> str:
    before, decade = match["before"] or "", match["decade"]
    ending = "ы" if decade.endswith("е") else "ам" if decade.endswith("м") else _case_after(before)[1] or "ов"
    return f"{before} {decade} год{ending}{_stop(match)}".strip()


def _case_after(before: str) -> tuple[str, str]:
    """Endings of the noun, one and several, by the word before its ordinal."""
    word = before.lower()
    if word in ("в", "во", "о"):
        return _AFTER_IN
    if word in ("к", "ко", "по"):
        return _AFTER_TO
    return _OF if word and word not in ("и", "или", "на", "это") else _ALONE


def _stop(match: re.Match[str]) -> str:
    return "." if match[0].endswith(".") and not match.string[match.end() :].strip() else ""


def _value(written: str) -> int:
    return int(written) if written.isdecimal() else roman_value(written)


def _year(match: re.Match[str], words: Vocabulary) -> str:
    """The ordinal of a year in the case of the word after it."""
    after_in = re.search(r"\b[вВ] $", match.string[: match.start()])
    before = match.string[: match.start()].rstrip().rpartition(" ")[2]
    of_date = "а" if before in words.months else ""
    noun = match[2] if match[3] is None else "у" if after_in else of_date
    case = "м" if noun == "у" else _CASES[noun]
    return f"{ordinal(int(match[1]), case)} год{noun}"


def _century(match: re.Match[str]) -> str:
    """Roman numerals, and figures where they count no centuries ("2 века")."""
    written, ending = match[1] or match[2], match[3]
    if ending == "а" and _COUNTS_CENTURIES.fullmatch(written):
        return match[0]
    return f"{ordinal(_value(written), _CASES[ending])} "


def _ruler(match: re.Match[str]) -> str:
    """The ordinal in the gender and case that the name shows."""
    name, value = match[1], roman_value(match[2])
    is_woman = name.startswith(("Екатерин", "Елизавет"))
    case = "го" if name.endswith(("а", "я")) else ""
    if is_woman:
        case = "я" if name.endswith("а") else "ей"
    return f"{name} {ordinal(value, case)}"
