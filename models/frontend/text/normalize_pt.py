"""Portuguese, of Portugal and Brazil: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_EURO, _CENT = Noun(("euro", "euros")), Noun(("cêntimo", "cêntimos"))
_REAL, _CENTAVO = Noun(("real", "reais")), Noun(("centavo", "centavos"))
_DOLLAR = Noun(("dólar", "dólares"))
_MILLION, _BILLION = Noun(("milhão", "milhões")), Noun(("bilhão", "bilhões"))
_FUNCTION_WORDS = (
    "o a os as um uma de do da dos das e ou em no na nos nas ao à por para com sem que como mais menos "
    "não sim nem mas "
    "se é são era foi seu sua meu minha este esta isso muito já há tem até desde sobre vírgula ponto "
    "quando onde entre"
)
_RULERS = (
    "João Pedro Manuel Afonso Sancho Dinis Fernando Henrique Luís Carlos Maria Filipe Isabel Paulo Pio "
    "Bento Leão "
    "Gregório José Napoleão Jorge Guilherme Frederico Catarina Nicolau Alexandre Francisco Duarte Sebastião"
)
_QUEENS = listed("Maria Isabel Catarina")
_RULER_MOST = 10
_PORTUGAL, _BRAZIL = "pt", "pt-br"


def _day(language: str, day: int, before: str, month: str) -> str:
    del before, month
    return "primeiro" if day == 1 else number_words(day, language) or str(day)


def _ordinal(value: int, mark: str) -> str | None:
    # The same in Brazil.
    said = number_words(value, "pt", "ordinal")
    if said is None:
        return None
    ending = mark.lstrip(".")
    return " ".join(word[:-1] + ending for word in said.split()) if ending in ("a", "as", "os") else said


def _ruler(language: str, value: int, name: str) -> str:
    if value > _RULER_MOST:
        return number_words(value, language) or str(value)
    return _ordinal(value, "a" if name in _QUEENS else "o") or str(value)


WORDS = Vocabulary(
    language=_PORTUGAL,
    comma="vírgula",
    decimals_as_number=True,
    to="a",
    ratio="a",
    minus="menos",
    months=(
        "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro",
        "novembro", "dezembro",
    ),
    date="{day} de {month} de {year}",
    date_without_year="{day} de {month}",
    day=partial(_day, _PORTUGAL),
    clock=Clock(
        r" ?(?:h|horas)\b", Noun(("hora", "horas"), "f"), "{hours} {hour}", "{hours} {hour}",
        "{hours} {hour} e {minutes}"
    ),
    units={
        "km": Noun(("quilômetro", "quilômetros")), "m": Noun(("metro", "metros")),
        "cm": Noun(("centímetro", "centímetros")), "mm": Noun(("milímetro", "milímetros")),
        "kg": Noun(("quilograma", "quilogramas")), "g": Noun(("grama", "gramas")),
        "mg": Noun(("miligrama", "miligramas")), "t": Noun(("tonelada", "toneladas"), "f"),
        "l": Noun(("litro", "litros")), "L": Noun(("litro", "litros")),
        "ml": Noun(("mililitro", "mililitros")),
        "km/h": Noun(("quilômetro por hora", "quilômetros por hora")),
        "m/s": Noun(("metro por segundo", "metros por segundo")),
        "m2": Noun(("metro quadrado", "metros quadrados")),
        "km2": Noun(("quilômetro quadrado", "quilômetros quadrados")),
        "m3": Noun(("metro cúbico", "metros cúbicos")), "ha": Noun(("hectare", "hectares")),
        "h": Noun(("hora", "horas"), "f"), "min": Noun(("minuto", "minutos")),
        "s": Noun(("segundo", "segundos")),
        "°C": Noun(("grau Celsius", "graus Celsius")), "°F": Noun(("grau Fahrenheit", "graus Fahrenheit")),
        "°": Noun(("grau", "graus")), "%": Noun(("por cento",)), "‰": Noun(("por mil",)),
        "W": Noun(("watt", "watts")),
        "kW": Noun(("quilowatt", "quilowatts")), "kWh": Noun(("quilowatt-hora", "quilowatts-hora")),
        "V": Noun(("volt", "volts")), "Hz": Noun(("hertz",)), "MHz": Noun(("mega-hertz",)),
        "GHz": Noun(("giga-hertz",)),
        "MB": Noun(("megabyte", "megabytes")), "GB": Noun(("gigabyte", "gigabytes")),
        "TB": Noun(("terabyte", "terabytes")),
    },
    per="por",
    currencies={
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "euros": Currency(_EURO, _CENT),
        "euro": Currency(_EURO, _CENT), "R$": Currency(_REAL, _CENTAVO), "reais": Currency(_REAL, _CENTAVO),
        "US$": Currency(_DOLLAR, _CENTAVO), "$": Currency(_DOLLAR, _CENTAVO),
        "USD": Currency(_DOLLAR, _CENTAVO),
        "£": Currency(Noun(("libra", "libras"), "f"), Noun(("pêni", "pence"))),
    },
    money="{whole} {unit} e {part} {hundredth}",
    abbreviations=(
        ("Sr.", "senhor"), ("Sra.", "senhora"), ("Dr.", "doutor"), ("Dra.", "doutora"),
        ("Prof.", "professor"),
        ("Profa.", "professora"), ("D.", "dom"), ("etc.", "et cetera"), ("p. ex.", "por exemplo"),
        ("por ex.", "por exemplo"), ("a. C.", "antes de Cristo"), ("d. C.", "depois de Cristo"),
        ("no.", "número"), ("No.", "número"), ("n°", "número"), ("pág.", "página"), ("págs.", "páginas"),
        ("av.", "avenida"),
        ("tel.", "telefone"), ("aprox.", "aproximadamente"), ("art.", "artigo"), ("cap.", "capítulo"),
        ("vol.", "volume"),
        ("máx.", "máximo"), ("mín.", "mínimo"), ("jan.", "janeiro"), ("fev.", "fevereiro"),
        ("set.", "setembro"),
        ("out.", "outubro"), ("nov.", "novembro"), ("dez.", "dezembro"), ("Ltda.", "limitada"),
        ("S. A.", "S A"),
        ("Sto.", "santo"), ("Sta.", "santa"), ("EUA", "Estados Unidos"),
    ),
    before_figures=frozenset(("no.", "No.")),
    signs={
        "%": "por cento", "&": "e", "@": "arroba", "+": "mais", "=": "igual a", "°": "graus",
        "§": "parágrafo",
        "€": "euros", "$": "dólares", "£": "libras", "#": "número", "×": "vezes", "÷": "dividido por",
        "±": "mais ou menos", "<": "menor que", ">": "maior que", "‰": "por mil",
    },
    web={".": "ponto", "/": "barra", "-": "hífen", "_": "sublinhado", "@": "arroba", ":": "dois pontos"},
    fractions={
        2: Noun(("meio", "meios")), 3: Noun(("terço", "terços")), 4: Noun(("quarto", "quartos")),
        5: Noun(("quinto", "quintos")), 6: Noun(("sexto", "sextos")), 7: Noun(("sétimo", "sétimos")),
        8: Noun(("oitavo", "oitavos")), 9: Noun(("nono", "nonos")), 10: Noun(("décimo", "décimos")),
        100: Noun(("centésimo", "centésimos")),
    },
    half={"": "um meio", "m": "meio", "f": "meia"},
    and_a_half={"m": "{whole} {noun} e meio", "f": "{whole} {noun} e meia"},
    spelled=listed("UE CD DVD TV PC DNA PT PSDB PSD PS BBC FMI CPF"),
    read=listed("OTAN NATO ONU UNESCO AIDS SIDA FIFA UEFA NASA OVNI IVA TAP USP IBOPE ANATEL"),
    agreement={
        "f": ((r"\bum", "uma"), (r"\bdois", "duas"), (r"entos(.*)", r"entas\1")),
    },
    feminine=(
        r"(?:\w+(?:as?|ção|ções|são|sões|dades?|agem|agens)|mulher|mulheres|vez|vezes|noites?|tardes?|"
        r"mãos?|partes?)"
        r""
        r"(?<!dia)(?<!dias)(?<!problema)(?<!problemas)(?<!programa)(?<!programas)(?<!sistema)(?<!gramas)(?<!grama)"
    ),
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "milhão": _MILLION, "milhões": _MILLION, "bilhão": _BILLION, "bilhões": _BILLION,
        "mil milhões": Noun(("mil milhões",)),
    },
    of_magnitude=" de ",
    ordinal_mark=r"\.?(?:[oa]s?|°(?= [^\W\d_]{2}))",
    ordinal=_ordinal,
    counting=listed("século séculos capítulo tomo ato parte livro volume cena artigo título fase tipo"),
    rulers=listed(_RULERS),
    ruler=partial(_ruler, _PORTUGAL),
    phone_words=r"(?:[Tt]el|[Tt]elefone|[Ff]ax|[Cc]elular|[Tt]elemóvel)\b\.? ?:?",
)  # fmt: skip

BRAZILIAN = replace(WORDS, language=_BRAZIL, day=partial(_day, _BRAZIL), ruler=partial(_ruler, _BRAZIL))
"""Brazil counts in words of its own: dezesseis, not dezasseis, and dois bilhões, not dois mil milhões."""


def expand(text: str) -> str:
    """Folded Portuguese text with everything that is not a word written out."""
    return verbalize(text, WORDS)


def expand_brazilian(text: str) -> str:
    """As `expand`, with Brazil's numbers."""
    return verbalize(text, BRAZILIAN)
