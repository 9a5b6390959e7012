"""Italian: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_EURO, _CENT = Noun(("euro",)), Noun(("centesimo", "centesimi"))
_DOLLAR = Noun(("dollaro", "dollari"))
_MILLION, _BILLION = Noun(("milione", "milioni")), Noun(("miliardo", "miliardi"))
_RULERS = (
    "Luigi Enrico Carlo Vittorio Emanuele Umberto Giovanni Paolo Pio Benedetto Leone Gregorio Innocenzo "
    "Federico "
    "Filippo Elisabetta Napoleone Giorgio Guglielmo Caterina Nicola Alessandro Francesco Urbano Clemente "
    "Riccardo "
    "Edoardo Ramses Ferdinando Amedeo Cosimo Sisto Giulio Bonifacio Ottone Pietro"
)
_FUNCTION_WORDS = (
    "il lo la i gli le un uno una di del della dello dei degli delle e ed o a al alla allo ai agli alle "
    "in nel nella "
    "con senza per su sul sulla da dal dalla tra fra è sono era che chi come più meno non sì né ma se si "
    "ci vi mi ti "
    "suo sua mio tuo questo questa molto già ha hanno virgola punto quando dove anche ogni fino"
)


_QUEENS = listed("Elisabetta Caterina")


def _day(day: int, before: str, month: str) -> str:
    del before, month
    return "primo" if day == 1 else number_words(day, "it") or str(day)


def _ordinal(value: int, mark: str) -> str | None:
    said = number_words(value, "it", "ordinal")
    return said[:-1] + "a" if said and mark == "a" else said


WORDS = Vocabulary(
    language="it",
    comma="virgola",
    decimals_as_number=True,
    to="a",
    ratio="a",
    minus="meno",
    months=(
        "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre",
        "ottobre",
        "novembre", "dicembre",
    ),
    date="{day} {month} {year}",
    date_without_year="{day} {month}",
    day=_day,
    clock=Clock(
        r" ?(?:h|ore)\b", Noun(("ora", "ore"), "f"), "{hours}", "{hours} {hour}", "{hours} e {minutes}",
        r"\b(?:ore|alle|dalle)"
    ),
    units={
        "km": Noun(("chilometro", "chilometri")), "m": Noun(("metro", "metri")),
        "cm": Noun(("centimetro", "centimetri")), "mm": Noun(("millimetro", "millimetri")),
        "kg": Noun(("chilogrammo", "chilogrammi")), "g": Noun(("grammo", "grammi")),
        "hg": Noun(("etto", "etti")),
        "mg": Noun(("milligrammo", "milligrammi")), "t": Noun(("tonnellata", "tonnellate"), "f"),
        "l": Noun(("litro", "litri")), "L": Noun(("litro", "litri")),
        "ml": Noun(("millilitro", "millilitri")),
        "cl": Noun(("centilitro", "centilitri")),
        "km/h": Noun(("chilometro orario", "chilometri orari")),
        "m/s": Noun(("metro al secondo", "metri al secondo")),
        "m2": Noun(("metro quadrato", "metri quadrati")), "mq": Noun(("metro quadrato", "metri quadrati")),
        "km2": Noun(("chilometro quadrato", "chilometri quadrati")), "m3": Noun(("metro cubo", "metri cubi")),
        "cm3": Noun(("centimetro cubo", "centimetri cubi")), "ha": Noun(("ettaro", "ettari")),
        "h": Noun(("ora", "ore"), "f"), "min": Noun(("minuto", "minuti")), "s": Noun(("secondo", "secondi")),
        "°C": Noun(("grado Celsius", "gradi Celsius")), "°F": Noun(("grado Fahrenheit", "gradi Fahrenheit")),
        "°": Noun(("grado", "gradi")), "%": Noun(("per cento",)), "‰": Noun(("per mille",)),
        "W": Noun(("watt",)), "kW": Noun(("chilowatt",)), "MW": Noun(("megawatt",)),
        "kWh": Noun(("chilowattora",)), "V": Noun(("volt",)), "Hz": Noun(("hertz",)),
        "MHz": Noun(("megahertz",)),
        "GHz": Noun(("gigahertz",)), "KB": Noun(("kilobyte",)), "MB": Noun(("megabyte",)),
        "GB": Noun(("gigabyte",)),
        "TB": Noun(("terabyte",)), "dB": Noun(("decibel",)),
    },
    per="al",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "euro": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT),
        "£": Currency(Noun(("sterlina", "sterline"), "f"), Noun(("penny", "pence"))),
        "¥": Currency(Noun(("yen",))), "CHF": Currency(Noun(("franco svizzero", "franchi svizzeri")), _CENT),
    },
    money="{whole} {unit} e {part}",
    abbreviations=(
        ("Sig.", "signor"), ("Sig.ra", "signora"), ("Sig.na", "signorina"), ("Dott.", "dottor"),
        ("Dr.", "dottor"),
        ("Dott.ssa", "dottoressa"), ("Prof.", "professor"), ("Prof.ssa", "professoressa"),
        ("Ing.", "ingegner"),
        ("Avv.", "avvocato"), ("ecc.", "eccetera"), ("etc.", "eccetera"), ("p. es.", "per esempio"),
        ("ad es.", "ad esempio"), ("a. C.", "avanti Cristo"), ("d. C.", "dopo Cristo"), ("n.", "numero"),
        ("n°", "numero"), ("N.", "numero"), ("pag.", "pagina"), ("pagg.", "pagine"),
        ("p.zza", "piazza"),
        ("tel.", "telefono"), ("ca.", "circa"), ("S.p.A.", "società per azioni"), ("art.", "articolo"),
        ("cap.", "capitolo"), ("vol.", "volume"), ("max.", "massimo"), ("min.", "minimo"),
        ("gen.", "gennaio"),
        ("feb.", "febbraio"), ("sett.", "settembre"), ("ott.", "ottobre"), ("nov.", "novembre"),
        ("dic.", "dicembre"),
        ("v.le", "viale"), ("c.so", "corso"), ("vs.", "contro"), ("mld", "miliardi"), ("mln", "milioni"),
    ),
    signs={
        "%": "per cento", "&": "e", "@": "chiocciola", "+": "più", "=": "uguale", "°": "gradi",
        "§": "paragrafo",
        "€": "euro", "$": "dollari", "£": "sterline", "#": "cancelletto", "×": "per", "÷": "diviso",
        "±": "più o meno", "<": "minore di", ">": "maggiore di", "‰": "per mille",
    },
    web={
        ".": "punto", "/": "barra", "-": "trattino", "_": "trattino basso",
        "@": "chiocciola", ":": "due punti",
    },
    fractions={
        2: Noun(("mezzo", "mezzi")), 3: Noun(("terzo", "terzi")), 4: Noun(("quarto", "quarti")),
        5: Noun(("quinto", "quinti")), 6: Noun(("sesto", "sesti")), 7: Noun(("settimo", "settimi")),
        8: Noun(("ottavo", "ottavi")), 9: Noun(("nono", "noni")), 10: Noun(("decimo", "decimi")),
        100: Noun(("centesimo", "centesimi")),
    },
    half={"": "un mezzo", "m": "mezzo", "f": "mezza"},
    and_a_half={"m": "{whole} {noun} e mezzo", "f": "{whole} {noun} e mezza"},
    spelled=listed("USA UE CD DVD TV PC DNA PD UIL BCE FMI IBM"),
    read=listed("NATO ONU UNESCO AIDS FIFA UEFA NASA RAI FIAT IVA CONI ISTAT INPS IRPEF CISL UFO SIM PIN"),
    agreement={"m": ((r"\buno", "un"),), "f": ((r"\buno", "una"),)},
    feminine=r"(?:\w+(?:a|zione|sione|tà|tù|trice)|notte|mano|classe|parte|torre)(?<!problema)(?<!programma)(?<!sistema)(?<!tema)",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "milione": _MILLION, "milioni": _MILLION, "miliardo": _BILLION, "miliardi": _BILLION, "mln": _MILLION,
        "mld": _BILLION,
    },
    of_magnitude=" di ",
    ordinal_mark=r"(?:[oa]|°(?= [^\W\d_]{2}))",
    ordinal=_ordinal,
    after_roman=r"(?= secolo\b)",
    counting=listed("capitolo tomo parte libro volume scena articolo titolo fase tipo canto"),
    rulers=listed(_RULERS) | {"secolo"},
    ruler=lambda value, name: _ordinal(value, "a" if name in _QUEENS else "o") or str(value),
    phone_words=r"(?:[Tt]el|[Tt]elefono|[Ff]ax|[Cc]ellulare)\b\.? ?:?",
)  # fmt: skip


_ONE_O_CLOCK = re.compile(r"\b([Aa]ll|[Dd]all)e una\b")


def expand(text: str) -> str:
    """Folded Italian text with everything that is not a word written out."""
    return _ONE_O_CLOCK.sub(r"\1'una", verbalize(text, WORDS))
