"""English: how abbreviations, money, times, dates and numbers are read aloud."""

from __future__ import annotations

import re
from decimal import Decimal

from models.frontend.text.numbers import number_words, parse_number, spell_numbers

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint",
    "jr": "junior", "sr": "senior", "rev": "reverend", "hon": "honorable", "gen": "general",
    "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "maj": "major",
    "co": "company", "ltd": "limited", "inc": "incorporated", "corp": "corporation", "vs": "versus",
    "etc": "et cetera", "no": "number", "vol": "volume", "approx": "approximately", "dept": "department",
    "fig": "figure", "ft": "feet", "esq": "esquire",
}  # fmt: skip
# Read out only before a figure: "No. 7", but "She said no."
_BEFORE_FIGURE = frozenset(("no", "vol", "fig"))
_AFTER_FIGURE = frozenset(("ft",))
# These end sentences and are English words or parts of names; a capital letter marks the abbreviation.
_CAPITAL_ONLY = frozenset(("st", "co", "gen", "col", "hon", "rev", "ms", "maj", "sr", "jr"))
_PHRASES = (
    (re.compile(r"\be\.\s?g\.", re.I), "for example"),
    (re.compile(r"\bi\.\s?e\.", re.I), "that is"),
    (re.compile(r"\ba\.\s?m\.(?!\w)", re.I), "A M"),
    (re.compile(r"\bp\.\s?m\.(?!\w)", re.I), "P M"),
)
_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_MONEY = {"$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "")}
_PLURALS = {"penny": "pence", "yen": "yen"}
_SIGNS = {
    "%": " percent ", "&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "°": " degrees ",
    "§": " section ", "#": " number ",
}  # fmt: skip
_FRACTIONS = {"1⁄2": "one half", "1⁄4": "one quarter", "3⁄4": "three quarters", "1⁄3": "one third"}

_ABBREVIATION = re.compile(rf"\b({'|'.join(sorted(_ABBREVIATIONS, key=len, reverse=True))})\.", re.I)
_MONEY_AMOUNT = re.compile(r"([$£€¥])\s?(\d[\d,]*(?:\.\d+)?)(?:\s(thousand|million|billion|trillion))?", re.I)
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTH_DAY = re.compile(rf"\b({_MONTH})\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s(?=(?:of\s)?{_MONTH})")
_MONTH_SHORT = re.compile(r"\b(Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=\s)")
_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?::[0-5]\d)?")
_ORDINAL = re.compile(r"\b(\d[\d,]*)(?:st|nd|rd|th)\b", re.I)
_DECADE = re.compile(r"\b(1[1-9]|20)(\d)0'?s\b")
_YEAR = re.compile(r"(?<![\d.,$£€¥-])(1[1-9]\d\d|20[1-9]\d)(?![\d%°]|[.,]\d|\s?(?:million|billion))")


def expand(text: str) -> str:
    """Folded English text with everything that is not a word written out."""
    for pattern, spoken in _PHRASES:
        text = pattern.sub(spoken, text)
    for written, spoken in _FRACTIONS.items():
        text = text.replace(written, f" {spoken} ")
    text = _ABBREVIATION.sub(_abbreviation, text)
    text = _MONEY_AMOUNT.sub(_money, text)
    text = _ISO_DATE.sub(_iso_date, text)
    text = _MONTH_DAY.sub(lambda match: f"{match[1]} {_ordinal(match[2])}", text)
    text = _DAY_MONTH.sub(lambda match: f"{_ordinal(match[1])} ", text)
    text = _MONTH_SHORT.sub(_full_month, text)
    text = _TIME.sub(_time, text)
    text = _ORDINAL.sub(lambda match: _ordinal(match[1]), text)
    text = _DECADE.sub(_decade, text)
    text = _YEAR.sub(lambda match: number_words(int(match[1]), "en", "year") or match[1], text)
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    # num2words writes "one thousand, two hundred": a comma there would be a pause.
    return spell_numbers_without_commas(text)


def spell_numbers_without_commas(text: str) -> str:
    """Numbers in words; commas of the original text stay."""
    pieces = re.split(r"(,)", re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))
    return "".join(piece if piece == "," else spell_numbers(piece, "en").replace(",", "") for piece in pieces)


def _abbreviation(match: re.Match[str]) -> str:
    written = match[1]
    word = written.lower()
    before, after = match.string[: match.start()].rstrip(), match.string[match.end() :].lstrip()
    if word in _BEFORE_FIGURE and not after[:1].isdigit():
        return match[0]
    if word in _AFTER_FIGURE and not before[-1:].isdigit():
        return match[0]
    if word in _CAPITAL_ONLY and not written[0].isupper():
        return match[0]
    is_street = word == "st" and before[-1:].isalpha() and not after[:1].isupper()
    spoken = "street" if is_street else _ABBREVIATIONS[word]
    return spoken + ("" if after else ".")


def _money(match: re.Match[str]) -> str:
    unit, subunit = _MONEY[match[1]]
    amount = parse_number(match[2].rstrip(","), "en")
    if amount is None:
        return match[0]
    trailing = "," if match[2].endswith(",") else ""
    if match[3]:
        return f"{match[2]} {match[3]} {_plural(unit, Decimal(2))}"
    whole, cents = int(amount), int((amount - int(amount)) * 100)
    said = f"{whole} {_plural(unit, Decimal(whole))}"
    if cents and subunit:
        said += f" and {cents} {_plural(subunit, Decimal(cents))}"
    return said + trailing


def _plural(unit: str, amount: Decimal) -> str:
    return unit if amount == 1 else _PLURALS.get(unit, unit + "s")


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{_MONTHS[month - 1]} {_ordinal(match[3])} {match[1]}"


def _full_month(match: re.Match[str]) -> str:
    return next(month for month in _MONTHS if month.startswith(match[1][:3]))


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if minute == 0:
        return f"{hour} o'clock" if 1 <= hour <= 12 else f"{hour} hundred"
    return f"{hour} oh {minute}" if minute < 10 else f"{hour} {minute}"


def _ordinal(digits: str) -> str:
    value = int(digits.replace(",", ""))
    return (number_words(value, "en", "ordinal") or digits).replace(",", "")


def _decade(match: re.Match[str]) -> str:
    year = number_words(int(f"{match[1]}{match[2]}0"), "en", "year") or match[0]
    return year[:-1] + "ies" if year.endswith("y") else year + "s"
