"""Spanish: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_EURO, _CENT = Noun(("euro", "euros")), Noun(("céntimo", "céntimos"))
_DOLLAR, _CENTAVO = Noun(("dólar", "dólares")), Noun(("centavo", "centavos"))
_MILLION = Noun(("millón", "millones"))
_RULERS = (
    "Felipe Carlos Alfonso Fernando Isabel Juan Pablo Pío Benedicto León Gregorio Enrique Luis Sancho "
    "Pedro Jaime "
    "Ramiro Napoleón Jorge Guillermo Federico Catalina Nicolás Alejandro Francisco Urbano Clemente "
    "Ricardo Eduardo "
    "Ramsés Inocencio Leopoldo Ordoño Bermudo"
)
_FUNCTION_WORDS = (
    "el la los las un una unos unas de del y o u a al en con sin por para según es son era fue que quien "
    "como más "
    "menos no sí ni pero si se le les lo me te nos su sus mi tu este esta estos estas muy ya hay ha han "
    "por entre "
    "coma punto hasta desde contra sobre tras durante ante bajo cuando donde"
)
_ORDINALS = {11: "undécimo", 12: "duodécimo"}
_QUEENS = listed("Isabel Catalina")
_RULER_MOST = 10
_ONE_THOUSAND = re.compile(r"\b(veinti)?uno(?= mil)")
_COUNTED_IN_ORDER = (
    "piso puesto lugar grado curso año día mes trimestre cuatrimestre semestre ciclo nivel capítulo tomo "
    "acto premio partido gol set título batallón aniversario encuentro festival congreso intento paso "
    "domingo lunes martes miércoles jueves viernes sábado cumpleaños cuarto tiempo turno grupo"
)
_LOSES_VOWEL = re.compile(rf"(?<![\w.,])(\d*[13])\.?o(?= (?:{'|'.join(_COUNTED_IN_ORDER.split())})\b)", re.I)


def _ordinal(value: int, mark: str) -> str | None:
    said = _ORDINALS.get(value) or number_words(value, "es", "ordinal")
    if said is None:
        return None
    ending = mark.lstrip(".")
    if ending in ("er", "r"):
        return re.sub(r"(prim|terc)ero$", r"\1er", said)
    words = [word[:-1] + ending[0] if word.endswith("o") else word for word in said.split()]
    return " ".join(words) + ("s" if ending.endswith("s") else "")


def _ruler(value: int, name: str) -> str:
    if value > _RULER_MOST:
        return number_words(value, "es") or str(value)
    return _ordinal(value, "a" if name in _QUEENS else "o") or str(value)


def _whole(value: int) -> str | None:
    """num2words counts thousands by "uno", which loses its vowel there."""
    said = number_words(value, "es")
    return said and _ONE_THOUSAND.sub(lambda match: "veintiún" if match[1] else "un", said)


WORDS = Vocabulary(
    language="es",
    comma="coma",
    whole_words=_whole,
    decimals_as_number=True,
    to="a",
    ratio="a",
    minus="menos",
    months=(
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
        "noviembre", "diciembre",
    ),
    date="{day} de {month} de {year}",
    date_without_year="{day} de {month}",
    day=lambda day, _before, _month: number_words(day, "es") or str(day),
    clock=Clock(
        r" ?(?:h|hs|hrs|horas)\b\.?", Noun(("hora", "horas"), "f"), "{hours}", "{hours} {hour}",
        "{hours} y {minutes}",
        r"\b(?:las|la)"
    ),
    units={
        "km": Noun(("kilómetro", "kilómetros")), "m": Noun(("metro", "metros")),
        "cm": Noun(("centímetro", "centímetros")), "mm": Noun(("milímetro", "milímetros")),
        "kg": Noun(("kilogramo", "kilogramos")), "g": Noun(("gramo", "gramos")),
        "mg": Noun(("miligramo", "miligramos")), "t": Noun(("tonelada", "toneladas"), "f"),
        "l": Noun(("litro", "litros")), "L": Noun(("litro", "litros")),
        "ml": Noun(("mililitro", "mililitros")),
        "cl": Noun(("centilitro", "centilitros")),
        "km/h": Noun(("kilómetro por hora", "kilómetros por hora")),
        "m/s": Noun(("metro por segundo", "metros por segundo")),
        "m2": Noun(("metro cuadrado", "metros cuadrados")),
        "km2": Noun(("kilómetro cuadrado", "kilómetros cuadrados")),
        "m3": Noun(("metro cúbico", "metros cúbicos")),
        "cm3": Noun(("centímetro cúbico", "centímetros cúbicos")),
        "ha": Noun(("hectárea", "hectáreas"), "f"), "h": Noun(("hora", "horas"), "f"),
        "min": Noun(("minuto", "minutos")), "s": Noun(("segundo", "segundos")),
        "°C": Noun(("grado Celsius", "grados Celsius")),
        "°F": Noun(("grado Fahrenheit", "grados Fahrenheit")),
        "°": Noun(("grado", "grados")), "%": Noun(("por ciento",)), "‰": Noun(("por mil",)),
        "W": Noun(("vatio", "vatios")), "kW": Noun(("kilovatio", "kilovatios")),
        "MW": Noun(("megavatio", "megavatios")), "kWh": Noun(("kilovatio hora", "kilovatios hora")),
        "V": Noun(("voltio", "voltios")), "Hz": Noun(("hercio", "hercios")),
        "MHz": Noun(("megahercio", "megahercios")),
        "GHz": Noun(("gigahercio", "gigahercios")), "KB": Noun(("kilobyte", "kilobytes")),
        "MB": Noun(("megabyte", "megabytes")), "GB": Noun(("gigabyte", "gigabytes")),
        "TB": Noun(("terabyte", "terabytes")), "dB": Noun(("decibelio", "decibelios")),
    },
    per="por",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "euros": Currency(_EURO, _CENT),
        "euro": Currency(_EURO, _CENT), "$": Currency(_DOLLAR, _CENTAVO), "USD": Currency(_DOLLAR, _CENTAVO),
        "US$": Currency(_DOLLAR, _CENTAVO),
        "£": Currency(Noun(("libra", "libras"), "f"), Noun(("penique", "peniques"))),
        "¥": Currency(Noun(("yen", "yenes"))),
    },
    money="{whole} {unit} con {part}",
    abbreviations=(
        ("Sr.", "señor"), ("Sra.", "señora"), ("Srta.", "señorita"), ("Sres.", "señores"), ("Dr.", "doctor"),
        ("Dra.", "doctora"), ("D.", "don"), ("D.a", "doña"), ("Da.", "doña"), ("Ud.", "usted"),
        ("Uds.", "ustedes"),
        ("Vd.", "usted"), ("etc.", "etcétera"), ("p. ej.", "por ejemplo"), ("p. e.", "por ejemplo"),
        ("EE. UU.", "Estados Unidos"), ("EEUU", "Estados Unidos"), ("EE UU", "Estados Unidos"),
        ("a. C.", "antes de Cristo"), ("d. C.", "después de Cristo"), ("a. m.", "a m"), ("p. m.", "p m"),
        ("no.", "número"), ("No.", "número"), ("n°", "número"),
        ("núm.", "número"),
        ("pág.", "página"), ("págs.", "páginas"), ("av.", "avenida"), ("Avda.", "avenida"), ("C/", "calle"),
        ("c/", "calle"), ("tel.", "teléfono"), ("aprox.", "aproximadamente"), ("S. A.", "sociedad anónima"),
        ("S. M.", "su majestad"), ("Prof.", "profesor"), ("art.", "artículo"), ("cap.", "capítulo"),
        ("vol.", "volumen"),
        ("máx.", "máximo"), ("mín.", "mínimo"), ("ene.", "enero"), ("feb.", "febrero"),
        ("sept.", "septiembre"),
        ("oct.", "octubre"), ("nov.", "noviembre"), ("dic.", "diciembre"), ("Sto.", "santo"),
        ("Sta.", "santa"),
    ),
    before_figures=frozenset(("no.", "No.")),
    signs={
        "%": "por ciento", "&": "y", "@": "arroba", "+": "más", "=": "igual a", "°": "grados", "§": "sección",
        "€": "euros", "$": "dólares", "£": "libras", "#": "número", "×": "por", "÷": "dividido entre",
        "±": "más menos", "<": "menor que", ">": "mayor que", "‰": "por mil",
    },
    web={".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", "@": "arroba", ":": "dos puntos"},
    fractions={
        2: Noun(("medio", "medios")), 3: Noun(("tercio", "tercios")), 4: Noun(("cuarto", "cuartos")),
        5: Noun(("quinto", "quintos")), 6: Noun(("sexto", "sextos")), 7: Noun(("séptimo", "séptimos")),
        8: Noun(("octavo", "octavos")), 9: Noun(("noveno", "novenos")), 10: Noun(("décimo", "décimos")),
        100: Noun(("centésimo", "centésimos")),
    },
    half={"": "un medio", "m": "medio", "f": "media"},
    and_a_half={"m": "{whole} {noun} y medio", "f": "{whole} {noun} y media"},
    spelled=listed("USA UE PP CD DVD TV PC ADN UGT FMI BBVA BCE DNI ONG"),
    read=listed("OTAN ONU UNESCO SIDA FIFA UEFA NASA OVNI IVA PSOE AVE RENFE OPEP PYME"),
    agreement={
        "m": ((r"veintiuno", "veintiún"), (r"\buno", "un")),
        "f": ((r"uno", "una"), (r"(cient|quinient)os(.*)", r"\1as\2")),
    },
    feminine=r"(?:\w+(?:as?|ción|ciones|sión|siones|dad|dades|tad|tud|eces?)|mujer|mujeres|vez|noches?|calles?|tardes?|clases?|flores?|llaves?|veces)(?<!día)(?<!días)(?<!problema)(?<!programa)(?<!programas)(?<!problemas)",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "millón": _MILLION, "millones": _MILLION, "M": _MILLION, "mil millones": Noun(("mil millones",)),
        "billones": Noun(("billón", "billones")),
    },
    of_magnitude=" de ",
    ordinal_mark=r"\.?(?:[oa]s?|er|r)",
    ordinal=_ordinal,
    counting=listed("siglo siglos capítulo tomo acto parte libro volumen escena artículo título fase tipo"),
    rulers=listed(_RULERS),
    ruler=_ruler,
    phone=(
        r"[6-9]\d{2}[ -]\d{3}[ -]\d{3}(?! ?[€$£%]| (?:de|euros?|dólares|habitantes|personas)\b)"
        r"|[6-9]\d{2}(?:[ -]\d\d){3}|[89]\d[ -]\d{3}(?:[ -]\d\d){2}"
    ),
    phone_words=r"(?:[Tt]el|[Tt]eléfono|[Ff]ax|[Mm]óvil)\b\.? ?:?",
)  # fmt: skip


def expand(text: str) -> str:
    """Folded Spanish text with everything that is not a word written out."""
    return verbalize(_LOSES_VOWEL.sub(r"\1er", text), WORDS)
