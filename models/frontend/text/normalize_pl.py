"""Polish: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.rules_words import roman_value
from models.frontend.text.slavic import plural_of_polish
from models.frontend.text.spoken_numbers import whole
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed


def _noun(one: str, few: str, many: str, part: str, gender: str = "m") -> Noun:
    """part: the genitive of one, which follows decimals."""
    return Noun((one, few, many, part), gender)


_ZLOTY = _noun("złoty", "złote", "złotych", "złotego")
_GROSZ = _noun("grosz", "grosze", "groszy", "grosza")
_EURO, _CENT = Noun(("euro",), "n"), _noun("cent", "centy", "centów", "centa")
_DOLLAR, _POUND = _noun("dolar", "dolary", "dolarów", "dolara"), _noun("funt", "funty", "funtów", "funta")
_THOUSAND = _noun("tysiąc", "tysiące", "tysięcy", "tysiąca")
_MILLION = _noun("milion", "miliony", "milionów", "miliona")
_BILLION = _noun("miliard", "miliardy", "miliardów", "miliarda")
_PERCENT = Noun(("procent", "procent", "procent", "procent"))
_FUNCTION_WORDS = (
    "i w z na do o od po za przy pod nad przed dla bez nie ale lub albo a czy że jak to jest są był była "
    "było były ma "
    "się on ona ono my wy oni ja ty tak już jeszcze tylko też gdy gdzie kto co który która które przez ze "
    "we minus plus "
    "przecinek razy godzina godzinie roku rok"
)
_MEN = (
    "Jan Paweł Zygmunt Władysław Kazimierz August Stanisław Henryk Ludwik Karol Piotr Mikołaj "
    "Aleksander Fryderyk Wilhelm Pius Benedykt Leon Jerzy Filip Napoleon Bolesław Mieszko Iwan"
)
_MEN_GENITIVE = (
    "Jana Pawła Zygmunta Władysława Kazimierza Augusta Stanisława Henryka Ludwika Karola Piotra Mikołaja "
    "Aleksandra Fryderyka Wilhelma Piusa Benedykta Leona Jerzego Filipa Napoleona Bolesława Mieszka Iwana"
)
_WOMEN = "Elżbieta Katarzyna Maria Krystyna"


def _ordinal(value: int, ending: str) -> str | None:
    """ending: of the masculine adjective in its case ("y", "a", "e", "ego", "ej", "ym")."""
    said = number_words(value, "pl", "ordinal")
    if said is None:
        return None
    *first, before_last, last = ["", "", *said.split()]
    declined = [_declined(word, ending) for word in (before_last, last)]
    return " ".join(word for word in (*first, *declined) if word)


def _declined(word: str, ending: str) -> str:
    if word.endswith("y"):
        return word[:-1] + ending
    if not word.endswith("i"):
        return word
    if ending == "y":
        return word
    if word.endswith("ci"):
        return word + {"ym": "m"}.get(ending, ending)
    return word[:-1] + {"a": "a", "ym": "im"}.get(ending, "i" + ending)


def _genitive(value: int) -> str:
    return _ordinal(value, "ego") or str(value)


WORDS = Vocabulary(
    language="pl",
    comma="przecinek",
    decimals_as_number=True,
    to="-",
    ratio="do",
    minus="minus",
    months=(
        "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
        "października",
        "listopada", "grudnia",
    ),
    date="{day} {month} {year} roku",
    date_without_year="{day} {month}",
    day=lambda day, _before, _month: _genitive(day),
    year=_genitive,
    year_mark=r" ?(?:roku|r\.)(?!\w)",
    clock=Clock(
        r" ?(?:h|godz\.)", Noun(("godzina", "godziny", "godzin"), "f"), "{hours}", "{hours}",
        "{hours} {minutes}",
    ),
    plural=plural_of_polish,
    units={
        "km": _noun("kilometr", "kilometry", "kilometrów", "kilometra"),
        "m": _noun("metr", "metry", "metrów", "metra"),
        "cm": _noun("centymetr", "centymetry", "centymetrów", "centymetra"),
        "mm": _noun("milimetr", "milimetry", "milimetrów", "milimetra"),
        "kg": _noun("kilogram", "kilogramy", "kilogramów", "kilograma"),
        "g": _noun("gram", "gramy", "gramów", "grama"),
        "mg": _noun("miligram", "miligramy", "miligramów", "miligrama"),
        "t": _noun("tona", "tony", "ton", "tony", "f"),
        "l": _noun("litr", "litry", "litrów", "litra"),
        "ml": _noun("mililitr", "mililitry", "mililitrów", "mililitra"),
        "km/h": _noun(
            "kilometr na godzinę", "kilometry na godzinę", "kilometrów na godzinę",
            "kilometra na godzinę"
        ),
        "m/s": _noun("metr na sekundę", "metry na sekundę", "metrów na sekundę", "metra na sekundę"),
        "m2": _noun(
            "metr kwadratowy", "metry kwadratowe", "metrów kwadratowych", "metra kwadratowego"
        ),
        "km2": _noun(
            "kilometr kwadratowy", "kilometry kwadratowe", "kilometrów kwadratowych", "kilometra kwadratowego"
        ),
        "m3": _noun("metr sześcienny", "metry sześcienne", "metrów sześciennych", "metra sześciennego"),
        "ha": _noun("hektar", "hektary", "hektarów", "hektara"),
        "h": _noun("godzina", "godziny", "godzin", "godziny", "f"),
        "godz.": _noun("godzina", "godziny", "godzin", "godziny", "f"),
        "min": _noun("minuta", "minuty", "minut", "minuty", "f"),
        "s": _noun("sekunda", "sekundy", "sekund", "sekundy", "f"),
        "°C": _noun("stopień Celsjusza", "stopnie Celsjusza", "stopni Celsjusza", "stopnia Celsjusza"),
        "°": _noun("stopień", "stopnie", "stopni", "stopnia"), "%": _PERCENT,
        "W": _noun("wat", "waty", "watów", "wata"),
        "kW": _noun("kilowat", "kilowaty", "kilowatów", "kilowata"),
        "V": _noun("wolt", "wolty", "woltów", "wolta"), "Hz": _noun("herc", "herce", "herców", "herca"),
        "MHz": _noun("megaherc", "megaherce", "megaherców", "megaherca"),
        "GHz": _noun("gigaherc", "gigaherce", "gigaherców", "gigaherca"),
        "MB": _noun("megabajt", "megabajty", "megabajtów", "megabajta"),
        "GB": _noun("gigabajt", "gigabajty", "gigabajtów", "gigabajta"),
        "tys.": _THOUSAND, "mln": _MILLION, "mld": _BILLION,
    },
    per="za",
    currencies={
        "zł": Currency(_ZLOTY, _GROSZ), "PLN": Currency(_ZLOTY, _GROSZ), "złotych": Currency(_ZLOTY, _GROSZ),
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "euro": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT), "£": Currency(_POUND, None),
        "gr": Currency(_GROSZ),
    },
    money="{whole} {unit} {part} {hundredth}",
    abbreviations=(
        ("np.", "na przykład"), ("itd.", "i tak dalej"), ("itp.", "i tym podobne"),
        ("m. in.", "między innymi"),
        ("m.in.", "między innymi"), ("tj.", "to jest"), ("tzn.", "to znaczy"), ("tzw.", "tak zwany"),
        ("ok.", "około"),
        ("dr", "doktor"), ("dr.", "doktor"), ("prof.", "profesor"), ("inż.", "inżynier"), ("mgr", "magister"),
        ("ul.", "ulica"), ("al.", "aleja"), ("pl.", "plac"), ("nr", "numer"), ("n°", "numer"),
        ("str.", "strona"), ("św.", "święty"),
        ("p.n.e.", "przed naszą erą"), ("n.e.", "naszej ery"), ("im.", "imienia"), ("tel.", "telefon"),
        ("pt.", "pod tytułem"),
        ("wg", "według"), ("ws.", "w sprawie"), ("bł.", "błogosławiony"), ("ks.", "ksiądz"),
        ("gen.", "generał"),
        ("woj.", "województwo"), ("maks.", "maksymalnie"), ("min.", "minimum"), ("rys.", "rysunek"),
        ("art.", "artykuł"),
    ),
    signs={
        "%": "procent", "&": "i", "@": "małpa", "+": "plus", "=": "równa się", "°": "stopni", "§": "paragraf",
        "€": "euro", "$": "dolarów", "£": "funtów", "#": "numer", "×": "razy", "÷": "podzielone przez",
        "±": "plus minus",
        "<": "mniejsze niż", ">": "większe niż",
    },
    web={".": "kropka", "/": "ukośnik", "-": "myślnik", "_": "podkreślenie", "@": "małpa", ":": "dwukropek"},
    fractions={
        2: _noun("druga", "drugie", "drugich", "drugiej", "f"),
        3: _noun("trzecia", "trzecie", "trzecich", "trzeciej", "f"),
        4: _noun("czwarta", "czwarte", "czwartych", "czwartej", "f"),
        5: _noun("piąta", "piąte", "piątych", "piątej", "f"),
        6: _noun("szósta", "szóste", "szóstych", "szóstej", "f"),
        7: _noun("siódma", "siódme", "siódmych", "siódmej", "f"),
        8: _noun("ósma", "ósme", "ósmych", "ósmej", "f"),
        9: _noun("dziewiąta", "dziewiąte", "dziewiątych", "dziewiątej", "f"),
        10: _noun("dziesiąta", "dziesiąte", "dziesiątych", "dziesiątej", "f"),
        100: _noun("setna", "setne", "setnych", "setnej", "f"),
    },
    after_fraction=3,
    half={"": "jedna druga", "m": "pół", "f": "pół", "n": "pół"},
    and_a_half={"m": "{whole} i pół {part}", "f": "{whole} i pół {part}"},
    one_and_a_half={"m": "półtora {part}", "f": "półtorej {part}"},
    spelled=listed("USA UE PKP PKO PZU TVP TVN CD DVD PC PSL RP PRL ONZ"),
    read=listed("NATO UNESCO AIDS FIFA UEFA NASA ZUS PIT VAT PAP GUS NIK KUL PIN SIM"),
    agreement={
        "f": ((r"^jeden", "jedna"), (r"\bdwa", "dwie")),
        "n": ((r"^jeden", "jedno"),),
    },
    feminine=r"(?:\w+[aąęi]|osoby|kobiety|minuty|godziny|książki|noc|noce|rzeczy|częś(?:ć|ci))(?<!dni)(?<!mężczyzna)(?<!ludzi)",
    feminine_few=r"(?:\w+(?:[kgł]i|je|nie|ości|yny|iny|ety|oby|nty|ony|rzy)|noce|rzeczy|części|godziny|minuty)",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "tys.": _THOUSAND, "tysięcy": _THOUSAND, "tysiące": _THOUSAND, "mln": _MILLION, "milion": _MILLION,
        "miliony": _MILLION, "milionów": _MILLION, "mld": _BILLION, "miliard": _BILLION, "miliardy": _BILLION,
        "miliardów": _BILLION,
    },
    counting=listed("rozdział tom część księga akt artykuł typ faza"),
    phone_words=r"(?:[Tt]el|[Tt]elefon)\b\.? ?:?",
)  # fmt: skip

_TIME = re.compile(
    r"(?:\b(?P<before>[Oo]d?|[Dd]o|[Pp]o|[Gg]odzinie|[Gg]odz\.) )?(?<![\d:.,])"
    r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\d:])"
)
_YEAR = re.compile(r"(?P<in>\b[Ww] )?(?<![\w.,])(?P<year>[12]\d{3}) (?P<noun>roku|rok|r\.)(?!\w)")
_CENTURY = re.compile(r"(?P<in>\b[Ww]e? )?\b(?P<numeral>[IVX]+) (?P<noun>wieku|wiek|wieków|w\.)(?!\w)")
_RULER = re.compile(rf"\b({'|'.join(f'{_MEN} {_MEN_GENITIVE} {_WOMEN}'.split())}) ([IVX]+)\b")
_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3})\. (?=(?P<noun>[a-ząćęłńóśźż]{3,}))")
_NOT_COUNTED = listed("oraz albo lub ale czyli więc")


def expand(text: str) -> str:
    """Folded Polish text with everything that is not a word written out."""
    return verbalize(text, WORDS, (_times, _years, _centuries, _rulers, _ordinals))


def _times(text: str, words: Vocabulary) -> str:
    """ "o 14:30": the hour is an ordinal, in the case that the word before it asks for."""

    def _time(match: re.Match[str]) -> str:
        before, minute = match["before"] or "", int(match["minute"])
        hour = _ordinal(int(match["hour"]), "ej" if before else "a") or match["hour"]
        if int(match["hour"]) == 0:
            hour = "zero"
        oh = "zero " if 0 < minute < 10 else ""
        said = f"{hour} {oh}{whole(minute, words)}" if minute else hour
        before = before.replace("odz.", "odzinie")
        return f"{before} {said}".strip()

    return _TIME.sub(_time, text)


def _years(text: str, words: Vocabulary) -> str:
    """ "w 2021 roku", "2021 r." """
    del words

    def _year(match: re.Match[str]) -> str:
        ending = "ym" if match["in"] else "y" if match["noun"] == "rok" else "ego"
        noun = "rok" if match["noun"] == "rok" else "roku"
        return f"{match['in'] or ''}{_ordinal(int(match['year']), ending)} {noun}"

    return _YEAR.sub(_year, text)


def _centuries(text: str, words: Vocabulary) -> str:
    """ "XIX wiek", "w XIX wieku" """
    del words

    def _century(match: re.Match[str]) -> str:
        ending = "ym" if match["in"] else "y" if match["noun"] == "wiek" else "ego"
        noun = "wieku" if match["noun"] == "w." else match["noun"]
        return f"{match['in'] or ''}{_ordinal(roman_value(match['numeral']), ending)} {noun}"

    return _CENTURY.sub(_century, text)


def _rulers(text: str, words: Vocabulary) -> str:
    """ "Jan Paweł II", "Jana Pawła II", "Elżbieta II" """
    del words

    def _ruler(match: re.Match[str]) -> str:
        ending = "a" if match[1] in _WOMEN.split() else "ego" if match[1] in _MEN_GENITIVE.split() else "y"
        return f"{match[1]} {_ordinal(roman_value(match[2]), ending)}"

    return _RULER.sub(_ruler, text)


def _ordinals(text: str, words: Vocabulary) -> str:
    """ "3. miejsce": in the gender that the noun's ending shows, in the nominative."""
    del words

    def _said(match: re.Match[str]) -> str:
        noun = match["noun"]
        if noun in _NOT_COUNTED:
            return match[0]
        ending = "a" if noun.endswith("a") else "e" if noun.endswith(("e", "o", "um")) else "y"
        return f"{_ordinal(int(match[1]), ending)} "

    return _ORDINAL.sub(_said, text)
