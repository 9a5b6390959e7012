"""French: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

from decimal import Decimal

from models.frontend.text.numbers import number_words
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed

_EURO, _CENTIME = Noun(("euro", "euros")), Noun(("centime", "centimes"))
_CENT = Noun(("cent", "cents"))
_DOLLAR, _POUND = Noun(("dollar", "dollars")), Noun(("livre", "livres"), "f")
_MILLION, _MILLIARD = Noun(("million", "millions")), Noun(("milliard", "milliards"))
_RULERS = (
    "Louis Henri François Charles Philippe Napoléon Jean Paul Pie Benoît Léon Grégoire Innocent Élisabeth "
    "Elisabeth Georges Édouard Edouard Guillaume Frédéric Catherine Nicolas Alexandre Albert Léopold "
    "Baudouin "
    "Ramsès Clovis Childéric Robert Hugues Jacques Urbain Clément Joseph Pierre Ferdinand Alphonse Ptolémée"
)
_FUNCTION_WORDS = (
    "le la les un une des du de et ou à au aux en dans sur sous par pour avec sans ce cet cette ces est "
    "sont a ont "
    "il elle on nous vous ils elles je tu ne pas plus moins qui que quoi dont où si mais car ni non oui "
    "pour cent virgule était sera très bien mal tout tous bis ter sa son ses se"
)


def _plural(value: Decimal) -> int:
    return 0 if abs(value) < 2 else 1


def _day(day: int, before: str, month: str) -> str:
    del before, month
    return "premier" if day == 1 else number_words(day, "fr") or str(day)


def _ordinal(value: int, mark: str) -> str | None:
    plural = "s" if mark.endswith("s") else ""
    if value == 1:
        is_feminine = mark.rstrip("s") in ("re", "ère")
        return ("première" if is_feminine else "premier") + plural
    said = "second" if mark.startswith(("n", "d")) else number_words(value, "fr", "ordinal")
    ending = "e" if said == "second" and mark.rstrip("s").endswith("e") else ""
    return None if said is None else said + ending + plural


def _ruler(value: int, name: str) -> str:
    del name
    return "premier" if value == 1 else number_words(value, "fr") or str(value)


WORDS = Vocabulary(
    language="fr",
    comma="virgule",
    decimals_as_number=True,
    plural=_plural,
    to="à",
    ratio="à",
    minus="moins",
    months=(
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
        "novembre", "décembre",
    ),
    date="{day} {month} {year}",
    date_without_year="{day} {month}",
    day=_day,
    clock=Clock(
        r" ?(?:h|heures)\b", Noun(("heure", "heures"), "f"), "{hours} {hour}", "{hours} {hour}",
        "{hours} {hour} {minutes}",
    ),
    units={
        "km": Noun(("kilomètre", "kilomètres")), "m": Noun(("mètre", "mètres")),
        "cm": Noun(("centimètre", "centimètres")), "mm": Noun(("millimètre", "millimètres")),
        "kg": Noun(("kilogramme", "kilogrammes")), "g": Noun(("gramme", "grammes")),
        "mg": Noun(("milligramme", "milligrammes")), "t": Noun(("tonne", "tonnes"), "f"),
        "l": Noun(("litre", "litres")), "L": Noun(("litre", "litres")),
        "ml": Noun(("millilitre", "millilitres")),
        "cl": Noun(("centilitre", "centilitres")),
        "km/h": Noun(("kilomètre à l'heure", "kilomètres à l'heure")),
        "m/s": Noun(("mètre par seconde", "mètres par seconde")),
        "m2": Noun(("mètre carré", "mètres carrés")), "km2": Noun(("kilomètre carré", "kilomètres carrés")),
        "m3": Noun(("mètre cube", "mètres cubes")), "cm3": Noun(("centimètre cube", "centimètres cubes")),
        "ha": Noun(("hectare", "hectares")), "h": Noun(("heure", "heures"), "f"),
        "min": Noun(("minute", "minutes"), "f"), "mn": Noun(("minute", "minutes"), "f"),
        "s": Noun(("seconde", "secondes"), "f"), "°C": Noun(("degré Celsius", "degrés Celsius")),
        "°F": Noun(("degré Fahrenheit", "degrés Fahrenheit")), "°": Noun(("degré", "degrés")),
        "%": Noun(("pour cent",)), "‰": Noun(("pour mille",)), "W": Noun(("watt", "watts")),
        "kW": Noun(("kilowatt", "kilowatts")), "MW": Noun(("mégawatt", "mégawatts")),
        "kWh": Noun(("kilowattheure", "kilowattheures")), "V": Noun(("volt", "volts")),
        "Hz": Noun(("hertz",)), "MHz": Noun(("mégahertz",)), "GHz": Noun(("gigahertz",)),
        "Ko": Noun(("kilooctet", "kilooctets")), "Mo": Noun(("mégaoctet", "mégaoctets")),
        "Go": Noun(("gigaoctet", "gigaoctets")), "To": Noun(("téraoctet", "téraoctets")),
        "dB": Noun(("décibel", "décibels")), "ch": Noun(("cheval", "chevaux")),
    },
    per="par",
    currencies={
        "€": Currency(_EURO, _CENTIME), "EUR": Currency(_EURO, _CENTIME), "euros": Currency(_EURO, _CENTIME),
        "euro": Currency(_EURO, _CENTIME), "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT),
        "£": Currency(_POUND, Noun(("penny", "pence"))),
        "CHF": Currency(Noun(("franc suisse", "francs suisses")), _CENTIME),
        "¥": Currency(Noun(("yen", "yens"))), "F": Currency(Noun(("franc", "francs")), _CENTIME),
    },
    money="{whole} {unit} {part}",
    abbreviations=(
        ("M.", "monsieur"), ("MM.", "messieurs"), ("Mme", "madame"), ("Mmes", "mesdames"),
        ("Mlle", "mademoiselle"),
        ("Mlles", "mesdemoiselles"), ("Dr", "docteur"), ("Dr.", "docteur"), ("Pr", "professeur"),
        ("Me", "maître"),
        ("Mgr", "monseigneur"), ("St", "saint"), ("Ste", "sainte"), ("etc.", "et cetera"),
        ("p. ex.", "par exemple"),
        ("c.-à-d.", "c'est-à-dire"), ("av. J.-C.", "avant Jésus-Christ"),
        ("apr. J.-C.", "après Jésus-Christ"),
        ("J.-C.", "Jésus-Christ"), ("no", "numéro"), ("n°", "numéro"), ("No", "numéro"),
        ("env.", "environ"), ("bd.", "boulevard"), ("bd", "boulevard"), ("av.", "avenue"),
        ("tél.", "téléphone"),
        ("vol.", "volume"), ("chap.", "chapitre"), ("cf.", "confer"), ("s.v.p.", "s'il vous plaît"),
        ("svp", "s'il vous plaît"),
        ("janv.", "janvier"), ("févr.", "février"), ("juill.", "juillet"), ("sept.", "septembre"),
        ("oct.", "octobre"),
        ("nov.", "novembre"), ("déc.", "décembre"), ("RDV", "rendez-vous"), ("qq.", "quelques"),
        ("max.", "maximum"),
        ("min.", "minimum"), ("ex.", "exemple"), ("art.", "article"),
    ),
    signs={
        "%": "pour cent", "&": "et", "@": "arobase", "+": "plus", "=": "égale", "°": "degrés",
        "§": "paragraphe",
        "€": "euros", "$": "dollars", "£": "livres", "#": "dièse", "×": "fois", "÷": "divisé par",
        "±": "plus ou moins",
        "<": "inférieur à", ">": "supérieur à", "‰": "pour mille",
    },
    web={
        ".": "point", "/": "barre oblique", "-": "tiret", "_": "tiret bas",
        "@": "arobase", ":": "deux points",
    },
    fractions={
        2: Noun(("demi", "demis")), 3: Noun(("tiers",)), 4: Noun(("quart", "quarts")),
        5: Noun(("cinquième", "cinquièmes")), 6: Noun(("sixième", "sixièmes")),
        7: Noun(("septième", "septièmes")),
        8: Noun(("huitième", "huitièmes")), 9: Noun(("neuvième", "neuvièmes")),
        10: Noun(("dixième", "dixièmes")),
        100: Noun(("centième", "centièmes")),
    },
    half={"": "un demi", "m": "un demi", "f": "une demi", "n": "un demi"},
    and_a_half={"m": "{whole} {noun} et demi", "f": "{whole} {noun} et demie"},
    spelled=listed("USA UE SNCF RATP EDF PS UMP CGT BD CD DVD TV PC ADN TVA PDG ONG HLM UE RER"),
    read=listed("OTAN ONU UNESCO SIDA FIFA UEFA NASA SMIC OVNI INSEE ENA OPEP"),
    agreement={"f": ((r"\bun", "une"),)},
    feminine=(
        r"(?:femme|fille|heure|minute|seconde|semaine|année|journée|personne|fois|voiture|maison|page|ville|"
        r"chose|livre sterling|main|nuit|table|porte|pièce|place|carte|lettre|question|rue|école|pomme|"
        r"bouteille|"
        r"tonne|tasse|idée|étoile|chambre|\w+(?:tion|sion|ité|ée|ette|ence|ance|ure|esse|ie))s?"
    ),
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "million": _MILLION, "millions": _MILLION, "milliard": _MILLIARD, "milliards": _MILLIARD,
        "M": _MILLION, "Md": _MILLIARD, "Mds": _MILLIARD,
    },
    of_magnitude=" de ",
    ordinal_mark=r"(?:ers?|res?|ères?|es?|èmes?|emes?|ièmes?|nde?s?|ds?)",
    ordinal=_ordinal,
    after_roman=r"(?:ers?|res?|ères?|es?|èmes?)\b",
    counting=listed("chapitre tome acte partie livre volume scène article titre phase type niveau"),
    rulers=listed(_RULERS),
    ruler=_ruler,
    phone_words=r"(?:[Tt]él|[Tt]éléphone|[Ff]ax|[Pp]ortable)\b\.? ?:?",
    phone_in_pairs=True,
)  # fmt: skip


def expand(text: str) -> str:
    """Folded French text with everything that is not a word written out."""
    return verbalize(text, WORDS)
