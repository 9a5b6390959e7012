"""German: how abbreviations, money, times, dates and numbers are read aloud."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words, parse_number, spell_numbers

_PHRASES = (
    ("z. B.", "zum Beispiel"), ("d. h.", "das heißt"), ("u. a.", "unter anderem"),
    ("u. s. w.", "und so weiter"), ("i. d. R.", "in der Regel"), ("v. a.", "vor allem"),
    ("o. ä.", "oder ähnliches"), ("z. T.", "zum Teil"), ("n. Chr.", "nach Christus"),
    ("v. Chr.", "vor Christus"),
)  # fmt: skip
_ABBREVIATIONS = {
    "usw": "und so weiter", "bzw": "beziehungsweise", "ca": "circa", "Dr": "Doktor",
    "Prof": "Professor", "Nr": "Nummer", "St": "Sankt", "Hr": "Herr", "Fr": "Frau", "Std": "Stunden",
    "Mio": "Millionen", "Mrd": "Milliarden", "evtl": "eventuell", "ggf": "gegebenenfalls",
    "inkl": "inklusive", "vgl": "vergleiche", "Str": "Straße", "Tel": "Telefon", "Abb": "Abbildung",
    "geb": "geboren", "Jh": "Jahrhundert", "max": "maximal", "min": "minimal", "etc": "et cetera",
}  # fmt: skip
_MONTHS = [
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
]  # fmt: skip
_MONTH = "|".join(_MONTHS)
_SIGNS = {
    "%": " Prozent ", "&": " und ", "@": " at ", "+": " plus ", "=": " gleich ", "°": " Grad ",
    "§": " Paragraph ", "€": " Euro ", "$": " Dollar ", "£": " Pfund ", "#": " Nummer ",
}  # fmt: skip
_FRACTIONS = {"1⁄2": "ein halb", "1⁄4": "ein Viertel", "3⁄4": "drei Viertel", "1⁄3": "ein Drittel"}

_PHRASE = tuple(
    (re.compile(rf"(?<!\w){re.escape(written).replace(chr(92) + ' ', r' ?')}", re.I), spoken)
    for written, spoken in _PHRASES
)
_ABBREVIATION = re.compile(rf"\b({'|'.join(sorted(_ABBREVIATIONS, key=len, reverse=True))})\.")
_DATE = re.compile(
    r"(\b[Aa]m |\b[Vv]om |\b[Bb]is |\b[Dd]er |\b[Dd]en |\b[Dd]em |)\b(\d{1,2})\.(\d{1,2})\.(\d{4})?"
)
_ORDINAL = re.compile(
    r"\b(?:([Aa]m|[Vv]om|[Zz]um|[Ii]m|[Bb]eim|[Dd]en|[Dd]em|[Dd]er|[Dd]ie|[Dd]as) (\d{1,2})\.(?= [A-ZÄÖÜ])"
    rf"|(\d{{1,2}})\.(?= (?:{_MONTH}|Jahrhundert)))"
)
_MONEY = re.compile(r"\b(\d[\d.]*),(\d\d) ?(€|Euro|EUR)")
_MONEY_FIRST = re.compile(r"([€$£]) ?(\d[\d.,]*\d|\d)")
_TIME = re.compile(r"\b([01]?\d|2[0-3])[:.]([0-5]\d) Uhr\b|\b([01]?\d|2[0-3]):([0-5]\d)\b(?! Uhr)")
_YEAR = re.compile(r"(?<![\d.,-])(1[1-9]\d\d)(?![\d%°]|[.,]\d| (?:Euro|Meter|Kilometer|Kilogramm|Stück))")
# After these the ordinal ends in -n ("am dritten"), after the articles in -e ("das dritte").
_WEAK_N = frozenset(("am", "vom", "zum", "im", "beim", "den", "dem"))
_WEAK_E = frozenset(("der", "die", "das"))


def expand(text: str) -> str:
    """Folded German text with everything that is not a word written out."""
    for pattern, spoken in _PHRASE:
        text = pattern.sub(spoken, text)
    for written, spoken in _FRACTIONS.items():
        text = text.replace(written, f" {spoken} ")
    text = _ABBREVIATION.sub(_abbreviation, text)
    text = _DATE.sub(_date, text)
    text = _ORDINAL.sub(_ordinal_match, text)
    text = _TIME.sub(_time, text)
    text = _MONEY.sub(_money, text)
    text = _MONEY_FIRST.sub(lambda match: f"{match[2]} {match[1]}", text)
    text = _YEAR.sub(lambda match: number_words(int(match[1]), "de", "year") or match[1], text)
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    return spell_numbers(text, "de")


def _abbreviation(match: re.Match[str]) -> str:
    if match[1] in ("max", "min", "St") and not match.string[match.end() :].strip():
        return match[0]
    return _ABBREVIATIONS[match[1]] + ("" if match.string[match.end() :].strip() else ".")


def _ordinal(value: int, before: str) -> str:
    """Ordinal with the ending that the word before it asks for; alone it is "dritter"."""
    stem = number_words(value, "de", "ordinal")
    if stem is None:
        return f"{value}."
    if before.lower() in _WEAK_N:
        return stem + "n"
    return stem if before.lower() in _WEAK_E else stem + "r"


def _ordinal_match(match: re.Match[str]) -> str:
    before = match[1] or ""
    return f"{before} {_ordinal(int(match[2] or match[3]), before)}".strip()


def _date(match: re.Match[str]) -> str:
    day, month = int(match[2]), int(match[3])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    year = f" {match[4]}" if match[4] else ""
    return f"{match[1]}{_ordinal(day, match[1].strip())} {_MONTHS[month - 1]}{year}"


def _time(match: re.Match[str]) -> str:
    hour, minute = (match[1], match[2]) if match[1] else (match[3], match[4])
    hour_words = "ein" if int(hour) == 1 else str(int(hour))
    return f"{hour_words} Uhr" + ("" if minute == "00" else f" {int(minute)}")


def _money(match: re.Match[str]) -> str:
    euros = parse_number(match[1], "de")
    cents = int(match[2])
    if euros is None:
        return match[0]
    euro_words = "ein" if euros == 1 else str(int(euros))
    return f"{euro_words} Euro" + (f" {cents}" if cents else "")
