"""Luxembourgish: its number words, which num2words lacks and espeak-ng gets wrong, and what else is read."""

from __future__ import annotations

import re

from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_UNITS = (
    "null", "eent", "zwee", "dräi", "véier", "fënnef", "sechs", "siwen", "aacht", "néng", "zéng", "eelef",
    "zwielef",
    "dräizéng", "véierzéng", "fofzéng", "siechzéng", "siwwenzéng", "uechtzéng", "nonzéng",
)  # fmt: skip
_TENS = ("", "", "zwanzeg", "drësseg", "véierzeg", "fofzeg", "sechzeg", "siwwenzeg", "achtzeg", "nonzeg")
_SCALES = (("Millioun", "Milliounen"), ("Milliard", "Milliarden"), ("Billioun", "Billiounen"))
_KEEPS_N = frozenset("ndtzhaeiouäëéöü")
"""Before these sounds a final n stays; it is lost before all others."""
_ORDINAL_STEMS = {1: "éischt", 3: "drëtt", 7: "siwent", 8: "aacht"}
_HUNDRED, _THOUSAND, _LAST_TEEN = 100, 1000, 19


def cardinal(value: int) -> str | None:
    """A whole number below 10^15: 24 -> "véieranzwanzeg", 1672 -> "dausend sechs honnert zweeasiwwenzeg".

    Hundreds and thousands stand apart, although written as one word: espeak-ng misreads the long one.
    """
    if value >= 10**15:
        return None
    if value < 10**6:
        return _below_a_million(value)
    said = []
    for power, names in reversed([*enumerate(_SCALES, 2)]):
        group, value = divmod(value, 10 ** (3 * power))
        if group:
            said.append(
                f"eng {names[0]}" if group == 1 else f"{_feminine(_below_a_million(group))} {names[1]}"
            )
    return " ".join([*said, _below_a_million(value)] if value else said)


def _below_a_million(value: int) -> str:
    thousands, rest = divmod(value, _THOUSAND)
    if not thousands:
        return _below_a_thousand(rest)
    head = "" if thousands == 1 else _joining(_below_a_thousand(thousands))
    return f"{head} dausend {_below_a_thousand(rest) if rest else ''}".strip()


def _below_a_thousand(value: int) -> str:
    hundreds, rest = divmod(value, _HUNDRED)
    if not hundreds:
        return _below_a_hundred(rest)
    head = "" if hundreds == 1 else _joining(_UNITS[hundreds])
    return f"{head} honnert {_below_a_hundred(rest) if rest else ''}".strip()


def _below_a_hundred(value: int) -> str:
    if value <= _LAST_TEEN:
        return _UNITS[value]
    tens, unit = divmod(value, 10)
    if not unit:
        return _TENS[tens]
    return _joining(_UNITS[unit]) + _with_n("an", _TENS[tens]) + _TENS[tens]


def _joining(number: str) -> str:
    return number.removesuffix("t") if number == "eent" else number


def _with_n(word: str, following: str) -> str:
    return word if following[0] in _KEEPS_N and not following.startswith("nonzeg") else word.removesuffix("n")


def _feminine(said: str) -> str:
    return re.sub(r"zwee$", "zwou", re.sub(r"eent$", "eng", said))


def ordinal(value: int, following: str) -> str:
    """ "drëtten", or "drëtte" before most consonants."""
    stem = _ORDINAL_STEMS.get(value) or (cardinal(value) or str(value)) + (
        "t" if value <= _LAST_TEEN else "st"
    )
    return _with_n(f"{stem}en", following.lower())


def year(value: int) -> str:
    """1672 in hundreds, as years are said up to 1999."""
    century, rest = divmod(value, _HUNDRED)
    if 11 <= century <= _LAST_TEEN:
        return f"{_UNITS[century]} honnert {_below_a_hundred(rest) if rest else ''}".strip()
    return cardinal(value) or str(value)


_MONTHS = (
    "Januar", "Februar", "Mäerz", "Abrëll", "Mee", "Juni", "Juli", "August", "September", "Oktober",
    "November",
    "Dezember",
)  # fmt: skip
_EURO, _CENT = Noun(("Euro",)), Noun(("Cent",))
_MILLION, _BILLION = Noun(_SCALES[0], "f"), Noun(_SCALES[1], "f")
_FUNCTION_WORDS = (
    "de den d'e der dem déi dat an oder mä an op vun zu bis mat no fir ouni ass sinn war waren huet hunn "
    "net och wéi als "
    "wann da hien hatt si mir dir ech du et sech jo neen keen eng en engem enger auer komma minus plus"
)

WORDS = Vocabulary(
    language="lb",
    whole_words=cardinal,
    comma="Komma",
    to="bis",
    ratio="zu",
    minus="minus",
    months=_MONTHS,
    date="{day} {month} {year}",
    date_without_year="{day} {month}",
    day=lambda day, _before, month: ordinal(day, month),
    year=year,
    clock=Clock(
        r" ?(?:Auer|h)\b", Noun(("Auer",), "f"), "{hours} Auer", "{hours} Auer", "{hours} Auer {minutes}"
    ),
    units={
        "km": Noun(("Kilometer",)), "m": Noun(("Meter",)), "cm": Noun(("Zentimeter",)),
        "mm": Noun(("Millimeter",)),
        "kg": Noun(("Kilo",)), "g": Noun(("Gramm",)), "t": Noun(("Tonn", "Tonnen"), "f"),
        "l": Noun(("Liter",)),
        "ml": Noun(("Milliliter",)), "km/h": Noun(("Kilometer an der Stonn",)), "m2": Noun(("Quadratmeter",)),
        "km2": Noun(("Quadratkilometer",)), "m3": Noun(("Kubikmeter",)), "ha": Noun(("Hektar",)),
        "h": Noun(("Stonn", "Stonnen"), "f"), "min": Noun(("Minutt", "Minutten"), "f"),
        "s": Noun(("Sekonn", "Sekonnen"), "f"), "°C": Noun(("Grad Celsius",)), "°": Noun(("Grad",)),
        "%": Noun(("Prozent",)), "kW": Noun(("Kilowatt",)),
        "kWh": Noun(("Kilowattstonn", "Kilowattstonnen"), "f"),
        "GB": Noun(("Gigabyte",)), "MB": Noun(("Megabyte",)), "Auer": Noun(("Auer",), "f"),
    },
    per="pro",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "Euro": Currency(_EURO, _CENT),
        "$": Currency(Noun(("Dollar",)), _CENT), "£": Currency(Noun(("Pond",)), None),
    },
    money="{whole} {unit} {part}",
    abbreviations=(
        ("z. B.", "zum Beispill"), ("d. h.", "dat heescht"), ("usw.", "a sou weider"),
        ("asw.", "a sou weider"),
        ("bzw.", "beziehungsweis"), ("ca.", "circa"), ("Dr.", "Dokter"), ("Nr.", "Nummer"), ("n°", "Nummer"),
        ("Här.", "Här"),
        ("Mme", "Madamm"), ("Mio.", "Milliounen"), ("Mrd.", "Milliarden"), ("St.", "Sankt"),
        ("etc.", "et cetera"),
    ),
    signs={
        "%": "Prozent", "&": "an", "@": "at", "+": "plus", "=": "ass gläich", "°": "Grad", "§": "Paragraph",
        "€": "Euro", "$": "Dollar", "£": "Pond", "#": "Nummer", "×": "mol",
    },
    web={
        ".": "Punkt", "/": "Schréistréch", "-": "Bindestréch", "_": "Ënnerstréch",
        "@": "at", ":": "Doppelpunkt",
    },
    fractions={
        2: Noun(("Hallef",)), 3: Noun(("Drëttel",)), 4: Noun(("Véierel",)), 5: Noun(("Fënneftel",)),
        8: Noun(("Aachtel",)), 10: Noun(("Zéngtel",)), 100: Noun(("Honnertstel",)),
    },
    half={"": "en hallef", "m": "en hallwe", "f": "eng hallef"},
    and_a_half={"m": "{whole} an en halleft {many}", "f": "{whole} an eng hallef {many}"},
    spelled=listed("USA EU RTL LSAP CSV DP ADR CFL CD DVD TV PC"),
    read=listed("NATO UNO UNESCO AIDS FIFA UEFA NASA"),
    agreement={"m": ((r"(?<!\w)eent", "een"),), "f": ((r"(?<!\w)eent", "eng"), (r"(?<!\w)zwee", "zwou"))},
    feminine=r"(?:Fra|Persoun|Stonn|Minutt|Woch|Stad|Nuecht|Hand|Millioun|Kéier|[A-ZÄËÉ]\w+(?:ung|heet|keet|schaft|ioun|téit))(?:en)?",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "Milliounen": _MILLION, "Millioun": _MILLION, "Milliarden": _BILLION, "Milliard": _BILLION,
    },
    counting=listed("kapitel deel band"),
)  # fmt: skip

_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3})\. (?=([A-ZÄËÉ]\w+))")
_YEAR = re.compile(r"(?<![\d.,-])(1[1-9]\d\d)(?![\d%°\w]|[.,]\d| ?[€$£]| [A-ZÄËÉ])")
_DETERMINERS = re.compile(r"\b(?:den|de|dem|der|déi|dat|am|um|vum|zum|beim|all)\s$", re.I)


def expand(text: str) -> str:
    """Folded Luxembourgish text with everything that is not a word written out."""
    return verbalize(text, WORDS, (_ordinals, _years))


def _ordinals(text: str, words: Vocabulary) -> str:
    """ "den 3. Mee", "am 19. Joerhonnert": after an article or before a month."""

    def _said(match: re.Match[str]) -> str:
        if match[2] not in words.months and not _DETERMINERS.search(match.string[: match.start()]):
            return match[0]
        return f"{ordinal(int(match[1]), match[2])} "

    text = re.sub(
        rf"({'|'.join(words.months)}) (1[1-9]\d\d|2\d\d\d)\b",
        lambda each: f"{each[1]} {year(int(each[2]))}",
        text,
    )
    return _ORDINAL.sub(_said, text)


def _years(text: str, words: Vocabulary) -> str:
    """Four figures from 1100 to 1999, unless a noun follows, which they count."""
    del words
    return _YEAR.sub(lambda match: year(int(match[1])), text)
