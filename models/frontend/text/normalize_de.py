"""German: what its numbers, dates, units and abbreviations are called, and the rules that are its own."""

from __future__ import annotations

import re

from models.frontend.text.german_ordinals import (
    day_of_month,
    expand_german_ordinals,
    expand_german_roman,
    ordinal_of_ruler,
)
from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_ABBREVIATIONS = (
    ("z. B.", "zum Beispiel"), ("d. h.", "das heißt"), ("u. a.", "unter anderem"),
    ("u. s. w.", "und so weiter"), ("i. d. R.", "in der Regel"), ("v. a.", "vor allem"),
    ("o. ä.", "oder ähnliches"), ("o. Ä.", "oder Ähnliches"), ("u. Ä.", "und Ähnliches"),
    ("z. T.", "zum Teil"), ("n. Chr.", "nach Christus"), ("v. Chr.", "vor Christus"),
    ("z. Z.", "zurzeit"), ("z. Zt.", "zurzeit"), ("s. o.", "siehe oben"), ("s. u.", "siehe unten"),
    ("u. U.", "unter Umständen"), ("i. A.", "im Auftrag"), ("a. D.", "außer Dienst"),
    ("m. E.", "meines Erachtens"), ("o. g.", "oben genannte"), ("u. v. m.", "und vieles mehr"),
    ("a. M.", "am Main"), ("i. Allg.", "im Allgemeinen"), ("Dr. med.", "Doktor med"),
    ("usw.", "und so weiter"), ("bzw.", "beziehungsweise"), ("ca.", "circa"), ("Dr.", "Doktor"),
    ("Prof.", "Professor"), ("Nr.", "Nummer"), ("n°", "Nummer"), ("St.", "Sankt"), ("Hr.", "Herr"),
    ("Hrn.", "Herrn"), ("Fr.", "Frau"), ("Std.", "Stunden"), ("Min.", "Minuten"), ("Sek.", "Sekunden"),
    ("Mio.", "Millionen"),
    ("Mrd.", "Milliarden"), ("Bio.", "Billionen"), ("Tsd.", "Tausend"), ("evtl.", "eventuell"),
    ("ggf.", "gegebenenfalls"), ("inkl.", "inklusive"), ("exkl.", "exklusive"), ("zzgl.", "zuzüglich"),
    ("vgl.", "vergleiche"), ("Str.", "Straße"), ("Pl.", "Platz"), ("Abb.", "Abbildung"), ("Bd.", "Band"),
    ("Kap.", "Kapitel"), ("geb.", "geboren"), ("gest.", "gestorben"), ("Jh.", "Jahrhundert"),
    ("Jhd.", "Jahrhundert"), ("max.", "maximal"), ("etc.", "et cetera"), ("Dipl.-Ing.", "Diplomingenieur"),
    ("Ing.", "Ingenieur"), ("Hbf.", "Hauptbahnhof"), ("Hbf", "Hauptbahnhof"), ("bspw.", "beispielsweise"),
    ("sog.", "sogenannte"), ("gem.", "gemäß"), ("lt.", "laut"), ("Tel.", "Telefon"), ("Abs.", "Absatz"),
    ("Art.", "Artikel"), ("Aufl.", "Auflage"), ("Hrsg.", "Herausgeber"), ("jr.", "junior"),
    ("sen.", "senior"),
    ("Jan.", "Januar"), ("Feb.", "Februar"), ("Okt.", "Oktober"), ("Nov.", "November"), ("Dez.", "Dezember"),
    ("Sept.", "September"), ("Aug.", "August"), ("GmbH", "G m b H"), ("Fa.", "Firma"),
    ("mind.", "mindestens"), ("TL", "Teelöffel"), ("EL", "Esslöffel"), ("AfD", "A f D"),
    ("h. c.", "honoris causa"), ("Mwst.", "Mehrwertsteuer"),
    ("MwSt.", "Mehrwertsteuer"), ("MwSt", "Mehrwertsteuer"), ("ggü.", "gegenüber"), ("rd.", "rund"),
    ("insb.", "insbesondere"), ("einschl.", "einschließlich"), ("vs.", "versus"),
)  # fmt: skip
_UNITS = {
    "km": Noun(("Kilometer",)), "m": Noun(("Meter",)), "cm": Noun(("Zentimeter",)),
    "mm": Noun(("Millimeter",)), "dm": Noun(("Dezimeter",)), "nm": Noun(("Nanometer",)),
    "kg": Noun(("Kilogramm",), "n"), "g": Noun(("Gramm",), "n"), "mg": Noun(("Milligramm",), "n"),
    "t": Noun(("Tonne", "Tonnen"), "f"), "l": Noun(("Liter",)), "ml": Noun(("Milliliter",)),
    "cl": Noun(("Zentiliter",)), "hl": Noun(("Hektoliter",)), "km/h": Noun(("Kilometer pro Stunde",)),
    "m/s": Noun(("Meter pro Sekunde",)), "m2": Noun(("Quadratmeter",)), "qm": Noun(("Quadratmeter",)),
    "km2": Noun(("Quadratkilometer",)), "cm2": Noun(("Quadratzentimeter",)), "m3": Noun(("Kubikmeter",)),
    "cm3": Noun(("Kubikzentimeter",)), "ha": Noun(("Hektar",)), "h": Noun(("Stunde", "Stunden"), "f"),
    "min": Noun(("Minute", "Minuten"), "f"), "s": Noun(("Sekunde", "Sekunden"), "f"),
    "ms": Noun(("Millisekunde", "Millisekunden"), "f"), "°C": Noun(("Grad Celsius",)),
    "°F": Noun(("Grad Fahrenheit",)), "°": Noun(("Grad",)), "%": Noun(("Prozent",), "n"),
    "‰": Noun(("Promille",), "n"), "W": Noun(("Watt",), "n"), "kW": Noun(("Kilowatt",), "n"),
    "MW": Noun(("Megawatt",), "n"), "kWh": Noun(("Kilowattstunde", "Kilowattstunden"), "f"),
    "V": Noun(("Volt",), "n"), "A": Noun(("Ampere",), "n"), "Hz": Noun(("Hertz",), "n"),
    "kHz": Noun(("Kilohertz",), "n"), "MHz": Noun(("Megahertz",), "n"), "GHz": Noun(("Gigahertz",), "n"),
    "KB": Noun(("Kilobyte",), "n"), "MB": Noun(("Megabyte",), "n"), "GB": Noun(("Gigabyte",), "n"),
    "TB": Noun(("Terabyte",), "n"), "Mbit/s": Noun(("Megabit pro Sekunde",), "n"),
    "PS": Noun(("P S",), "f"), "dB": Noun(("Dezibel",), "n"), "bar": Noun(("Bar",), "n"),
    "hPa": Noun(("Hektopascal",), "n"), "J.": Noun(("Jahr", "Jahre"), "n"),
    "kcal": Noun(("Kilokalorien",), "f"),
    "Uhr": Noun(("Uhr",), "m"), "Mio": Noun(("Million", "Millionen"), "f"),
}  # fmt: skip
_EURO, _CENT = Noun(("Euro",)), Noun(("Cent",))
_DOLLAR, _POUND = Noun(("Dollar",)), Noun(("Pfund",), "n")
_FRANC, _RAPPEN = Noun(("Franken",)), Noun(("Rappen",))
_MILLION, _BILLION = Noun(("Million", "Millionen"), "f"), Noun(("Milliarde", "Milliarden"), "f")
_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
    "November", "Dezember",
)  # fmt: skip
_FEMININE = (
    r"(?:Frau|Person|Stunde|Minute|Sekunde|Woche|Nacht|Uhrzeit|Stadt|Mutter|Tochter|Schwester|Hand|Wand|Bank|"
    r"Nummer|Million|Milliarde|Billion|Art|Zahl|Tür|Kuh|Maus|Feder|Mark|Tonne|Rose|Einheit|Prise|Tasse|"
    r"[A-ZÄÖÜ][a-zäöüß]+(?:ung|heit|keit|schaft|ion|tät|ik|ur|enz|anz|in|ei|stadt|bank|zahl|nacht|"
    r"[b-df-hj-np-tv-z]e)|[a-zäöüß]{2,}e)"
)
_LETTERS = (
    "USA EU ARD ZDF WDR NDR MDR SWR BR ADAC SPD CDU CSU FDP AFD DDR BRD BMW VW AOK IBM EDV ICE IC CD DVD "
    "PC TV WC LKW PKW GEMA DRK DGB DFB ADFC UKW UV ABC OECD IAA EZB BND LCD FAZ"
)
_WORDS = (
    "NATO UNO UNESCO UNICEF TÜV AIDS DAX FIFA UEFA NASA OPEC PIN RAF GAU BIP IKEA EDEKA ALDI REWE DIN SIM "
    "PISA RAM"
)
_FUNCTION_WORDS = (
    "der die das den dem des ein eine einen einem einer und oder aber auch bis von zu zum zur in im ins "
    "an am auf "
    "aus bei mit nach vor für über unter um ist war sind waren hat haben wird nicht nur so wie als wenn "
    "dann da "
    "ich du er sie es wir ihr man mich dich uns euch sich ja nein gut kein keine mein dein sein was wer "
    "wo wann "
    "mal per pro je plus minus komma geht noch schon sehr hier dort ob oben uhr und"
)

# In years and other figures "eins" never becomes "ein"; a noun that is counted makes it so.
_AGREEMENT = {
    "m": ((r"(?<!\w)eins", "ein"),),
    "n": ((r"(?<!\w)eins", "ein"),),
    "f": ((r"(?<!\w)eins", "eine"),),
}
_FRACTIONS = {
    2: Noun(("Halbes", "Halbe"), "n"), 3: Noun(("Drittel",), "n"), 4: Noun(("Viertel",), "n"),
    5: Noun(("Fünftel",), "n"), 6: Noun(("Sechstel",), "n"), 7: Noun(("Siebtel",), "n"),
    8: Noun(("Achtel",), "n"), 9: Noun(("Neuntel",), "n"), 10: Noun(("Zehntel",), "n"),
    12: Noun(("Zwölftel",), "n"), 16: Noun(("Sechzehntel",), "n"), 20: Noun(("Zwanzigstel",), "n"),
    100: Noun(("Hundertstel",), "n"),
}  # fmt: skip
_RULERS = (
    "Heinrich Friedrich Wilhelm Ludwig Karl Otto Elisabeth Philipp Johannes Paul Benedikt Pius Georg Leopold "
    "Joseph Josef Franz Maximilian Rudolf Katharina Peter Alexander Nikolaus Napoleon Gregor Innozenz Leo "
    "Urban "
    "Clemens Ferdinand Albrecht Konrad Christian Gustav Adolf August Harald Carlos Charles William "
    "Margarethe "
    "Ramses Ptolemäus Dareios Mehmed Jakob Richard Eduard Viktor Victor Emanuel Beatrix Franziskus Johann "
    "Boris "
    "Alfons Juan Sixtus Julius Bonifatius Calixtus Sigismund Erich Olaf Magnus Henri Jean"
)


def _year(value: int) -> str:
    return number_words(value, "de", "year") or str(value)


WORDS = Vocabulary(
    language="de",
    comma="Komma",
    to="bis",
    ratio="zu",
    minus="minus",
    months=_MONTHS,
    date="{day} {month} {year}",
    date_without_year="{day} {month}",
    day=day_of_month,
    year=_year,
    clock=Clock(
        r" ?(?:[Uu]hr|h)\b", Noun(("Uhr",), "m"), "{hours} Uhr", "{hours} Uhr", "{hours} Uhr {minutes}",
        r"\b(?:[Uu]m|[Gg]egen)"
    ),
    units=_UNITS,
    per="pro",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "Euro": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT), "US-Dollar": Currency(
            Noun(("U S Dollar",)), _CENT), "Dollar": Currency(_DOLLAR, _CENT),
        "£": Currency(_POUND, Noun(("Pence",))), "GBP": Currency(_POUND, Noun(("Pence",))),
        "CHF": Currency(_FRANC, _RAPPEN), "Franken": Currency(_FRANC, _RAPPEN),
        "¥": Currency(Noun(("Yen",))), "ct": Currency(_CENT), "Cent": Currency(_CENT),
        "DM": Currency(Noun(("Mark",), "f"), Noun(("Pfennig",))),
    },
    money="{whole} {unit} {part}",
    abbreviations=_ABBREVIATIONS,
    signs={
        "%": "Prozent", "&": "und", "@": "at", "+": "plus", "=": "gleich", "°": "Grad", "§§": "Paragraphen",
        "§": "Paragraph", "€": "Euro", "$": "Dollar", "£": "Pfund", "#": "Nummer", "×": "mal", "÷": "durch",
        "±": "plus minus", "<": "kleiner als", ">": "größer als", "‰": "Promille",
    },
    web={".": "Punkt", "/": "Schrägstrich", "-": "minus", "_": "Unterstrich", "@": "at", ":": "Doppelpunkt"},
    fractions=_FRACTIONS,
    half={"": "ein halb", "m": "ein halber", "n": "ein halbes", "f": "eine halbe"},
    and_a_half={"m": "{whole}einhalb {many}"},
    and_a_fraction="{whole} {part} {many}",
    spelled=listed(_LETTERS),
    read=listed(_WORDS),
    agreement=_AGREEMENT,
    feminine=_FEMININE,
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "Million": _MILLION, "Millionen": _MILLION, "Milliarde": _BILLION, "Milliarden": _BILLION,
        "Billion": Noun(("Billion", "Billionen"), "f"), "Billionen": Noun(("Billion", "Billionen"), "f"),
        "Tausend": Noun(("Tausend",), "n"),
    },
    counting=listed(
        "artikel absatz paragraph nummer seite zimmer platz gleis kapitel teil band akt abschnitt typ stufe "
        "klasse phase level weltkrieg rocky"
    ),
    rulers=listed(_RULERS) | {f"{name}s" for name in _RULERS.split()},
    ruler=ordinal_of_ruler,
    phone_words=r"(?:[Tt]el|[Tt]elefon|[Ff]ax|[Hh]andy|[Rr]ufnummer|[Mm]obil)\b\.?:?",
)  # fmt: skip

_STREET = re.compile(r"(?<=\w)str\.(?=\s+\d|\s+[A-ZÄÖÜ(]|,|$|\s*$)|(?<=\w)str\.(?=\s)")
_PAGE = re.compile(r"(?<![\w.])S\. ?(?=\d)")
_DAYS = {
    "Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag", "Sa": "Samstag",
    "So": "Sonntag",
}  # fmt: skip
_WEEKDAYS = re.compile(r"\b(Mo|Di|Mi|Do|Fr|Sa|So)\.? ?[-–] ?(Mo|Di|Mi|Do|Fr|Sa|So)\b\.?")
_TIME = r"\d{1,2}[:.]\d\d ?(?:Uhr|h\b)|\d{1,2}:\d\d|\d{1,2} ?(?:[-–] ?\d{1,2} ?)?(?:Uhr|h\b)"
_DAY = rf"(?=,? (?:(?:den|der|ab|um|von|bis|gegen) )?(?:\d{{1,2}}\. ?(?:\d{{1,2}}\.|[A-ZÄÖÜ])|{_TIME}))"
_WEEKDAY = re.compile(rf"\b(?:(Mo|Di|Mi|Do|Fr|Sa|So)\.|(Mo|Di|Mi|Do|Fr|Sa)){_DAY}")
# In Switzerland an abbreviation of money, elsewhere of women and of a day.
_FRANCS = re.compile(r"(?<=\d) ?Fr\.|(?<![\w.])Fr\. ?(?=\d)")
_LENGTHS_OF_TIME = {"std": "h", "min": "min", "sek": "s"}
_LENGTH_OF_TIME = re.compile(r"(?<=\d) ?(Std|Min|Sek)\b(\.?)(\s*$)?", re.I)
_AT_LEAST = re.compile(r"(?<!\w)min\.(?= ?\d)")
_FOLLOWING = re.compile(r"(?<=\d) ?ff?\.(?!\w)")
_ONE_IN_WORD = re.compile(
    r"(?<![\w,.])1-?(?=(?:mal|fach|jährig|tägig|stündig|seitig|stellig|zeilig|teilig)\w*)"
)
_DECADE = re.compile(r"(?<![\w.,])(\d{1,4})er(n?)\b")
_YEAR_BEFORE = (
    r"[Ii]m Jahre?|[Ii]n|[Ss]eit|[Aa]b|[Bb]is|[Uu]m|[Vv]or|[Nn]ach|[Aa]nno|[Vv]on|Jahre?n?|Sommer|Winter|"
    r"Herbst|Frühling"
)
_YEAR = re.compile(
    rf"(?:(?P<before>\b(?:{_YEAR_BEFORE}|{'|'.join(_MONTHS)})) )?(?<![\d.,-])(?P<year>1[1-9]\d\d)"
    r"(?![\d%°\w]|[.,]\d| ?(?:Euro|[€$£%]))(?P<noun> (?=[A-ZÄÖÜ]))?"
)


def expand(text: str) -> str:
    """Folded German text with everything that is not a word written out."""
    text = _WEEKDAYS.sub(lambda match: f"{_DAYS[match[1]]} bis {_DAYS[match[2]]}", text)
    text = _WEEKDAY.sub(lambda match: _DAYS[match[1] or match[2]], text)
    text = _AT_LEAST.sub("mindestens", _LENGTH_OF_TIME.sub(_length_of_time, text))
    text = _FRANCS.sub(" CHF ", text)
    return verbalize(text, WORDS, (_shortened, expand_german_ordinals, expand_german_roman, _decades, _years))


def _length_of_time(match: re.Match[str]) -> str:
    """ "1 Std." as a unit, which agrees with its number; the full stop of one that ends the text stays."""
    ends = f" {match[2]}" if match[3] is not None else ""
    return f" {_LENGTHS_OF_TIME[match[1].lower()]}{ends}"


def _shortened(text: str, words: Vocabulary) -> str:
    """ "Goethestr. 5", "S. 12", "1-mal" """
    del words
    text = _FOLLOWING.sub(" folgende", _ONE_IN_WORD.sub("ein", text))
    return _PAGE.sub("Seite ", _STREET.sub("straße", text))


def _decades(text: str, words: Vocabulary) -> str:
    """ "90er", "1980er" """
    del words

    def _decade(match: re.Match[str]) -> str:
        return f"{_year(int(match[1]))}er{match[2]}"

    return _DECADE.sub(_decade, text)


def _years(text: str, words: Vocabulary) -> str:
    """Four figures from 1100 to 1999 are a year unless a noun follows, which they count ("1500 Menschen")."""
    del words

    def _said(match: re.Match[str]) -> str:
        if match["noun"] and not match["before"]:
            return match[0]
        before = f"{match['before']} " if match["before"] else ""
        return f"{before}{_year(int(match['year']))}{match['noun'] or ''}"

    return _YEAR.sub(_said, text)
