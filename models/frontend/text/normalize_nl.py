"""Dutch: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_EURO, _CENT = Noun(("euro",)), Noun(("cent",))
_DOLLAR, _POUND = Noun(("dollar",)), Noun(("pond",))
_MILLION, _BILLION = Noun(("miljoen",)), Noun(("miljard",))
_FUNCTION_WORDS = (
    "de het een en of van te tot in op aan met voor door bij naar uit over om is zijn was waren heeft had "
    "wordt niet "
    "ook maar als dan dat die dit deze er hier daar ik je jij hij zij ze wij we jullie men zo wat wie "
    "waar nog al wel "
    "per plus min komma geen ja nee uur keer"
)
_RULERS = (
    "Willem Lodewijk Filips Karel Hendrik Frederik Johannes Paulus Pius Benedictus Leo Gregorius "
    "Elizabeth George "
    "Napoleon Leopold Albert Boudewijn Jan Catharina Peter Alexander Nicolaas Ferdinand Rudolf Jozef "
    "Frans Ramses"
)


def _year(value: int) -> str:
    """1984 as nineteen and eighty-four; from 2000 a plain number."""
    century, rest = divmod(value, 100)
    if not 11 <= century <= 19 or rest == 0:
        return number_words(value, "nl") or str(value)
    return f"{number_words(century, 'nl')} {number_words(rest, 'nl')}"


def _ordinal(value: int, mark: str) -> str | None:
    del mark
    return number_words(value, "nl", "ordinal")


WORDS = Vocabulary(
    language="nl",
    comma="komma",
    decimals_as_number=True,
    to="tot",
    ratio="tegen",
    minus="min",
    months=(
        "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober",
        "november", "december",
    ),
    date="{day} {month} {year}",
    date_without_year="{day} {month}",
    day=lambda day, _before, _month: number_words(day, "nl") or str(day),
    year=_year,
    clock=Clock(r" ?(?:uur|u)\b", Noun(("uur",)), "{hours} uur", "{hours} uur", "{hours} uur {minutes}",
        r"\b(?:om|tot|vanaf)"),
    units={
        "km": Noun(("kilometer",)), "m": Noun(("meter",)), "cm": Noun(("centimeter",)),
        "mm": Noun(("millimeter",)),
        "kg": Noun(("kilogram",)), "g": Noun(("gram",)), "mg": Noun(("milligram",)), "t": Noun(("ton",)),
        "l": Noun(("liter",)), "ml": Noun(("milliliter",)), "cl": Noun(("centiliter",)),
        "km/h": Noun(("kilometer per uur",)), "km/u": Noun(("kilometer per uur",)),
        "m/s": Noun(("meter per seconde",)), "m2": Noun(("vierkante meter",)),
        "km2": Noun(("vierkante kilometer",)),
        "m3": Noun(("kubieke meter",)), "cm3": Noun(("kubieke centimeter",)), "ha": Noun(("hectare",)),
        "u": Noun(("uur",)), "h": Noun(("uur",)), "min": Noun(("minuut", "minuten")),
        "s": Noun(("seconde", "seconden")), "°C": Noun(("graad Celsius", "graden Celsius")),
        "°F": Noun(("graad Fahrenheit", "graden Fahrenheit")), "°": Noun(("graad", "graden")),
        "%": Noun(("procent",)), "‰": Noun(("promille",)), "W": Noun(("watt",)), "kW": Noun(("kilowatt",)),
        "MW": Noun(("megawatt",)), "kWh": Noun(("kilowattuur",)), "V": Noun(("volt",)),
        "Hz": Noun(("hertz",)),
        "MHz": Noun(("megahertz",)), "GHz": Noun(("gigahertz",)), "KB": Noun(("kilobyte",)),
        "MB": Noun(("megabyte",)),
        "GB": Noun(("gigabyte",)), "TB": Noun(("terabyte",)), "dB": Noun(("decibel",)), "pk": Noun(("p k",)),
    },
    per="per",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "euro": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT),
        "£": Currency(_POUND, Noun(("pence",))),
        "¥": Currency(Noun(("yen",))),
    },
    money="{whole} {unit} {part}",
    abbreviations=(
        ("bijv.", "bijvoorbeeld"), ("bv.", "bijvoorbeeld"), ("d.w.z.", "dat wil zeggen"),
        ("enz.", "enzovoort"),
        ("etc.", "et cetera"), ("m.a.w.", "met andere woorden"), ("o.a.", "onder andere"),
        ("t.o.v.", "ten opzichte van"),
        ("m.b.t.", "met betrekking tot"), ("i.p.v.", "in plaats van"), ("a.u.b.", "alstublieft"),
        ("t/m", "tot en met"),
        ("dhr.", "de heer"), ("mevr.", "mevrouw"), ("mw.", "mevrouw"), ("dr.", "dokter"),
        ("prof.", "professor"),
        ("ir.", "ingenieur"), ("mr.", "meester"), ("drs.", "doctorandus"), ("nr.", "nummer"),
        ("n°", "nummer"), ("ca.", "circa"),
        ("v.Chr.", "voor Christus"), ("n.Chr.", "na Christus"), ("blz.", "bladzijde"), ("tel.", "telefoon"),
        ("incl.", "inclusief"), ("excl.", "exclusief"), ("max.", "maximaal"), ("min.", "minimaal"),
        ("art.", "artikel"),
        ("st.", "sint"), ("jl.", "jongstleden"), ("mln.", "miljoen"), ("mld.", "miljard"),
        ("z.g.", "zogenaamd"),
        ("jan.", "januari"), ("feb.", "februari"), ("aug.", "augustus"), ("sept.", "september"),
        ("okt.", "oktober"),
        ("nov.", "november"), ("dec.", "december"),
    ),
    signs={
        "%": "procent", "&": "en", "@": "apenstaartje", "+": "plus", "=": "is gelijk aan", "°": "graden",
        "§": "paragraaf", "€": "euro", "$": "dollar", "£": "pond", "#": "hekje", "×": "keer",
        "÷": "gedeeld door",
        "±": "plusminus", "<": "kleiner dan", ">": "groter dan", "‰": "promille",
    },
    web={
        ".": "punt", "/": "slash", "-": "streepje", "_": "laag streepje",
        "@": "apenstaartje", ":": "dubbele punt",
    },
    fractions={
        2: Noun(("half", "halve")), 3: Noun(("derde",)), 4: Noun(("kwart",)), 5: Noun(("vijfde",)),
        6: Noun(("zesde",)), 7: Noun(("zevende",)), 8: Noun(("achtste",)), 9: Noun(("negende",)),
        10: Noun(("tiende",)),
        100: Noun(("honderdste",)),
    },
    half={"": "een half", "m": "een halve", "f": "een halve"},
    and_a_half={"m": "{whole} en een half {many}", "f": "{whole} en een half {many}"},
    spelled=listed("USA VS EU CD DVD TV PC VVD PVV AOW UWV DNA KLM ABN ING NOS"),
    read=listed("NAVO UNESCO AIDS FIFA UEFA NASA UFO VARA PIN"),
    agreement={"m": ((r"\béén", "een"),)},
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={"miljoen": _MILLION, "miljard": _BILLION, "mln": _MILLION, "mld": _BILLION},
    ordinal_mark=r"(?:e|ste|de)",
    ordinal=_ordinal,
    after_roman=r"(?:e)\b",
    counting=listed("hoofdstuk deel band akte boek fase type artikel"),
    rulers=listed(_RULERS),
    ruler=lambda value, _name: f"de {number_words(value, 'nl', 'ordinal')}",
    phone_words=r"(?:[Tt]el|[Tt]elefoon|[Ff]ax|[Mm]obiel)\b\.? ?:?",
)  # fmt: skip


_YEAR = re.compile(
    r"(?:(?<=\b[Ii]n )|(?<=\buit |\btot |\bvan )|(?<=\bjaar ))(1[1-9]\d\d)(?![\d\w%°]|[.,]\d)"
    r"|(?:(?<=\b[Ss]inds )|(?<=\bvanaf )|(?<=\brond ))(1[1-9]\d\d)(?![\d\w%°]|[.,]\d)|"
    r"(?<![\d.,])(1[1-9]\d\d)(?= tot 1\d{3}\b)"
)


def expand(text: str) -> str:
    """Folded Dutch text with everything that is not a word written out."""
    return verbalize(text, WORDS, (_years,))


def _years(text: str, words: Vocabulary) -> str:
    """ "in 1984", "1939 tot 1945" """
    del words
    return _YEAR.sub(lambda match: _year(int(match[0])), text)
