"""Russian: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re
from decimal import Decimal

from models.frontend.text.numbers import number_words
from models.frontend.text.russian_ordinals import expand_russian_ordinals, genitive, ordinal
from models.frontend.text.slavic import plural_of_russian
from models.frontend.text.verbalize import verbalize
from models.frontend.text.vocabulary import Clock, Currency, Noun, Vocabulary, listed


def _noun(one: str, few: str, many: str, gender: str = "m") -> Noun:
    """After decimals stands the genitive of one, which is also the form for few."""
    return Noun((one, few, many, few), gender)


_RUBLE, _KOPECK = _noun("рубль", "рубля", "рублей"), _noun("копейка", "копейки", "копеек", "f")
_EURO, _CENT = Noun(("евро",)), _noun("цент", "цента", "центов")
_DOLLAR = _noun("доллар", "доллара", "долларов")
_POUND = _noun("фунт стерлингов", "фунта стерлингов", "фунтов стерлингов")
_THOUSAND = _noun("тысяча", "тысячи", "тысяч", "f")
_MILLION, _BILLION = _noun("миллион", "миллиона", "миллионов"), _noun("миллиард", "миллиарда", "миллиардов")
# Nominatives: дня and учителя, which end alike, are genitives.
_FEMININE = (
    r"(?!(?:\w*теля|дня|рубля|уровня|камня|огня|коня|корня|дождя|гостя|царя|короля|корабля|словаря|дядя)$)"
    r"(?:\w+(?:[бвгджзклмнпрстфхцчшщ]а|[бвгдзклмнпрстфхиь]я|ость|кой)|книги|женщины|минуты|секунды|недели|"
    r"девушки|девочки|машины|часть|ночь|дверь|площадь|лошадь|тетрадь|кровать|дочь|жизнь|речь|роль|цель|модель|"
    r"деталь|мышь|тысяча|тысячи)"
)
_FUNCTION_WORDS = (
    "и в во на с со к ко о об от до из за по под над при для без не ни но а или что как это он она они мы "
    "вы я ты так "
    "же бы был была было были есть нет да уже ещё еще то все всё где кто когда если минус плюс целых часов"
)


def _whole(value: int) -> str | None:
    """People say "a thousand" without the one that num2words puts before it."""
    said = number_words(value, "ru")
    return said.removeprefix("одна ") if said and said.startswith("одна тысяча") else said


def _decimal(written: str) -> str | None:
    value = Decimal(written.rstrip("0"))
    return number_words(value, "ru") if value != int(value) else None


WORDS = Vocabulary(
    language="ru",
    comma="запятая",
    decimals=_decimal,
    whole_words=_whole,
    to="-",
    ratio="на",
    minus="минус",
    months=(
        "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября",
        "ноября",
        "декабря",
    ),
    date="{day} {month} {year} года",
    date_without_year="{day} {month}",
    day=lambda day, _before, _month: genitive(day),
    year=genitive,
    year_mark=r" ?(?:года|г)\b\.?",
    clock=Clock(
        r" ?(?:час\w*|ч)\b", _noun("час", "часа", "часов"), "{hours} {hour}", "{hours} {hour}",
        "{hours} {hour} {minutes}",
        minute=_noun("минута", "минуты", "минут", "f"),
    ),
    plural=plural_of_russian,
    units={
        "км": _noun("километр", "километра", "километров"), "м": _noun("метр", "метра", "метров"),
        "см": _noun("сантиметр", "сантиметра", "сантиметров"),
        "мм": _noun("миллиметр", "миллиметра", "миллиметров"),
        "кг": _noun("килограмм", "килограмма", "килограммов"), "г": _noun("грамм", "грамма", "граммов"),
        "мг": _noun("миллиграмм", "миллиграмма", "миллиграммов"), "т": _noun("тонна", "тонны", "тонн", "f"),
        "л": _noun("литр", "литра", "литров"), "мл": _noun("миллилитр", "миллилитра", "миллилитров"),
        "км/ч": _noun("километр в час", "километра в час", "километров в час"),
        "м/с": _noun("метр в секунду", "метра в секунду", "метров в секунду"),
        "м2": _noun("квадратный метр", "квадратных метра", "квадратных метров"),
        "км2": _noun("квадратный километр", "квадратных километра", "квадратных километров"),
        "см2": _noun("квадратный сантиметр", "квадратных сантиметра", "квадратных сантиметров"),
        "см3": _noun("кубический сантиметр", "кубических сантиметра", "кубических сантиметров"),
        "м3": _noun("кубический метр", "кубических метра", "кубических метров"),
        "га": _noun("гектар", "гектара", "гектаров"), "ч": _noun("час", "часа", "часов"),
        "мин": _noun("минута", "минуты", "минут", "f"), "с": _noun("секунда", "секунды", "секунд", "f"),
        "°C": _noun("градус Цельсия", "градуса Цельсия", "градусов Цельсия"),
        "°С": _noun("градус Цельсия", "градуса Цельсия", "градусов Цельсия"),
        "°": _noun("градус", "градуса", "градусов"), "%": _noun("процент", "процента", "процентов"),
        "Вт": _noun("ватт", "ватта", "ватт"), "кВт": _noun("киловатт", "киловатта", "киловатт"),
        "В": _noun("вольт", "вольта", "вольт"), "Гц": _noun("герц", "герца", "герц"),
        "МГц": _noun("мегагерц", "мегагерца", "мегагерц"), "ГГц": _noun("гигагерц", "гигагерца", "гигагерц"),
        "МБ": _noun("мегабайт", "мегабайта", "мегабайт"), "ГБ": _noun("гигабайт", "гигабайта", "гигабайт"),
        "тыс": _THOUSAND, "млн": _MILLION, "млрд": _BILLION,
    },
    per="за",
    currencies={
        "₽": Currency(_RUBLE, _KOPECK), "руб.": Currency(_RUBLE, _KOPECK), "руб": Currency(_RUBLE, _KOPECK),
        "р.": Currency(_RUBLE, _KOPECK), "RUB": Currency(_RUBLE, _KOPECK),
        "рублей": Currency(_RUBLE, _KOPECK), "коп.": Currency(_KOPECK), "коп": Currency(_KOPECK),
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "евро": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT), "£": Currency(_POUND, None),
    },
    money="{whole} {unit} {part} {hundredth}",
    abbreviations=(
        ("т. е.", "то есть"), ("т. к.", "так как"), ("т. д.", "так далее"), ("т. п.", "тому подобное"),
        ("т. н.", "так называемый"), ("др.", "другие"), ("пр.", "прочее"), ("г-н", "господин"),
        ("г-жа", "госпожа"),
        ("до н. э.", "до нашей эры"), ("н. э.", "нашей эры"), ("ул.", "улица"), ("д.", "дом"),
        ("кв.", "квартира"), ("кв. м", "квадратный метр"), ("куб. м", "кубический метр"),
        ("пр-т", "проспект"),
        ("стр.", "страница"), ("рис.", "рисунок"), ("см.", "смотри"), ("проф.", "профессор"),
        ("акад.", "академик"),
        ("им.", "имени"), ("тел.", "телефон"), ("n°", "номер"), ("напр.", "например"),
        ("обл.", "область"),
        ("пл.", "площадь"), ("гл.", "глава"), ("янв.", "января"), ("фев.", "февраля"), ("авг.", "августа"),
        ("сент.", "сентября"), ("окт.", "октября"), ("нояб.", "ноября"), ("дек.", "декабря"), ("тыс.", "тыс"),
    ),
    signs={
        "%": "процентов", "&": "и", "@": "собака", "+": "плюс", "=": "равно", "°": "градусов",
        "§": "параграф",
        "€": "евро", "$": "долларов", "£": "фунтов", "#": "номер", "×": "на", "÷": "разделить на",
        "±": "плюс минус",
        "<": "меньше", ">": "больше", "₽": "рублей",
    },
    web={
        ".": "точка", "/": "косая черта", "-": "дефис", "_": "подчёркивание", "@": "собака", ":": "двоеточие",
    },
    fractions={
        2: _noun("вторая", "вторых", "вторых", "f"), 3: _noun("треть", "трети", "третей", "f"),
        4: _noun("четверть", "четверти", "четвертей", "f"), 5: _noun("пятая", "пятых", "пятых", "f"),
        6: _noun("шестая", "шестых", "шестых", "f"), 7: _noun("седьмая", "седьмых", "седьмых", "f"),
        8: _noun("восьмая", "восьмых", "восьмых", "f"), 9: _noun("девятая", "девятых", "девятых", "f"),
        10: _noun("десятая", "десятых", "десятых", "f"), 100: _noun("сотая", "сотых", "сотых", "f"),
    },
    after_fraction=3,
    half={"": "одна вторая", "m": "пол", "f": "пол"},
    and_a_half={"m": "{whole} с половиной {noun}", "f": "{whole} с половиной {noun}"},
    one_and_a_half={"m": "полтора {part}", "f": "полторы {part}"},
    spelled=listed("США ЕС СССР РФ ФСБ МВД МГУ ООО"),
    read=listed("НАТО ООН ЮНЕСКО СПИД ГАИ ТАСС МИД ВУЗ МХАТ ГУМ ЦУМ НАСА ФИФА УЕФА"),
    agreement={
        "f": ((r"\bодин", "одна"), (r"\bдва", "две")),
        "n": ((r"\bодин", "одно"),),
    },
    feminine=_FEMININE,
    feminine_few=r"\w+[ыи]",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "тыс": _THOUSAND, "тысяч": _THOUSAND, "тысячи": _THOUSAND, "млн": _MILLION, "миллион": _MILLION,
        "миллиона": _MILLION, "миллионов": _MILLION, "млрд": _BILLION, "миллиард": _BILLION,
        "миллиарда": _BILLION,
        "миллиардов": _BILLION,
    },
    ordinal_mark=r"-(?:ый|ой|ий|й|ая|я|ое|ье|е|го|му|ом|м|ых|х|ые|ую|ю|ей|ми|ым)",
    ordinal=ordinal,
    counting=listed("глава том часть книга акт раздел"),
    phone=r"8(?=(?:[ ()-]{0,2}\d){10}(?!\d))[ -]?(?:\(\d{3,5}\)|\d{3})[ -]?\d{1,3}[ -]?\d\d[ -]?\d\d",
    phone_words=r"(?:[Тт]ел|[Тт]елефон)\b\.? ?:?",
)  # fmt: skip

# One word, whose last syllable is stressed.
_HALF_AN_HOUR = re.compile(r"\bпол часа\b")
_AREA = re.compile(r"(?<=\d) ?(кв|куб)\. ?(м|км|см)\b\.?")
_MANY_OF_AREA = re.compile(r"(?<=тыс\.|.млн|млрд) (кв|куб)\. ?м\b\.?")
_POWERS = {"кв": ("2", "квадратных"), "куб": ("3", "кубических")}
# After "и" it is the rest of a list.
_AVENUE = re.compile(r"(?<!\bи )\bпр\. ?(?=[А-ЯЁ][а-яё])|(?<=[сц]кий )пр\.")


def expand(text: str) -> str:
    """Folded Russian text with everything that is not a word written out."""
    text = _AREA.sub(lambda match: f" {match[2]}{_POWERS[match[1]][0]}", text)
    text = _MANY_OF_AREA.sub(lambda match: f" {_POWERS[match[1]][1]} метров", text)
    said = verbalize(_AVENUE.sub("проспект ", text), WORDS, (expand_russian_ordinals,))
    return _HALF_AN_HOUR.sub("полчаса", said)
