"""Russian: what its numbers, dates, units and abbreviations are called."""

from __future__ import annotations

import re
from decimal import Decimal

from models.frontend.text.numbers import number_words
from models.frontend.text.rules_words import roman_value
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
_FUNCTION_WORDS = (
    "и в во на с со к ко о об от до из за по под над при для без не ни но а или что как это он она они мы "
    "вы я ты так "
    "же бы был была было были есть нет да уже ещё еще то все всё где кто когда если минус плюс целых часов"
)
_RULERS = (
    "Пётр Петр Петра Екатерина Екатерины Николай Николая Александр Александра Иван Ивана Павел Людовик "
    "Людовика Генрих "
    "Генриха Карл Карла Филипп Вильгельм Фридрих Елизавета Елизаветы Наполеон Иоанн Пий Бенедикт Георг "
    "Василий Рамсес"
)


def _ordinal(value: int, mark: str) -> str | None:
    """The ordinal of figures with the ending that they have ("5-я", "90-е", "3-го")."""
    said = number_words(value, "ru", "ordinal")
    return None if said is None else _declined(said, mark.lstrip("-"))


def _declined(said: str, ending: str) -> str:
    stem, is_third = re.sub(r"(?:ый|ой|ий)$", "", said), said.endswith("третий")
    hard = {
        "я": "ая", "ая": "ая", "е": "ое", "ое": "ое", "го": "ого", "му": "ому", "м": "ом", "ом": "ом",
        "х": "ых",
        "ых": "ых", "ые": "ые", "ю": "ую", "ую": "ую", "ей": "ой", "ми": "ыми", "ым": "ым",
    }  # fmt: skip
    soft = {
        "я": "ья", "ья": "ья", "е": "ье", "го": "ьего", "му": "ьему", "м": "ьем", "х": "ьих", "ю": "ью",
        "ей": "ьей",
    }  # fmt: skip
    found = (soft if is_third else hard).get(ending)
    return said if found is None else stem + found


def _genitive(value: int) -> str:
    return _ordinal(value, "-го") or str(value)


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
    day=lambda day, _before, _month: _genitive(day),
    year=_genitive,
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
        "рублей": Currency(_RUBLE, _KOPECK),
        "€": Currency(_EURO, _CENT), "EUR": Currency(_EURO, _CENT), "евро": Currency(_EURO, _CENT),
        "$": Currency(_DOLLAR, _CENT), "USD": Currency(_DOLLAR, _CENT), "£": Currency(_POUND, None),
    },
    money="{whole} {unit} {part} {hundredth}",
    abbreviations=(
        ("т. е.", "то есть"), ("т. к.", "так как"), ("т. д.", "так далее"), ("т. п.", "тому подобное"),
        ("т. н.", "так называемый"), ("др.", "другие"), ("пр.", "прочее"), ("г-н", "господин"),
        ("г-жа", "госпожа"),
        ("до н. э.", "до нашей эры"), ("н. э.", "нашей эры"), ("ул.", "улица"), ("д.", "дом"),
        ("кв.", "квартира"),
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
    feminine=r"(?:\w+(?:[бвгджзклмнпрстфхцчшщ]а|[иь]я|ость|кой)|книги|женщины|минуты|секунды|недели|девушки|девочки|машины|часть|ночь|тысяча|тысячи)",
    feminine_few=r"\w+[ыи]",
    function_words=listed(_FUNCTION_WORDS),
    magnitudes={
        "тыс": _THOUSAND, "тысяч": _THOUSAND, "тысячи": _THOUSAND, "млн": _MILLION, "миллион": _MILLION,
        "миллиона": _MILLION, "миллионов": _MILLION, "млрд": _BILLION, "миллиард": _BILLION,
        "миллиарда": _BILLION,
        "миллиардов": _BILLION,
    },
    ordinal_mark=r"-(?:ый|ой|ий|й|ая|я|ое|ье|е|го|му|ом|м|ых|х|ые|ую|ю|ей|ми|ым)",
    ordinal=_ordinal,
    counting=listed("глава том часть книга акт раздел"),
    phone_words=r"(?:[Тт]ел|[Тт]елефон)\b\.? ?:?",
)  # fmt: skip

_CASES = {"": "й", "а": "го", "е": "м", "у": "му", "ом": "м"}
# One word, whose last syllable is stressed.
_HALF_AN_HOUR = re.compile(r"\bпол часа\b")
_DECADE = re.compile(r"(?<!\w)(\d{1,4})-е(?= годы)")
_CENTURY = re.compile(r"\b([IVX]+) (?=век(а|е|у|ом|)\b)")
_RULER = re.compile(rf"\b({'|'.join(_RULERS.split())}) ([IVX]+)\b")
_YEAR = re.compile(r"(?<![\w.,])([12]\d{3})(?:-(?:го|м|й))? (?:год(а|у|ом|)|(г)\.?)(?!\w)")


def expand(text: str) -> str:
    """Folded Russian text with everything that is not a word written out."""
    said = verbalize(_DECADE.sub(r"\1-ые", text), WORDS, (_years, _centuries, _rulers))
    return _HALF_AN_HOUR.sub("полчаса", said)


def _years(text: str, words: Vocabulary) -> str:
    """ "в 2021 году", "2021 г.": the ordinal in the case of the word after it."""
    del words

    def _year(match: re.Match[str]) -> str:
        after_in = re.search(r"\b[вВ] $", match.string[: match.start()])
        before = match.string[: match.start()].rstrip().rpartition(" ")[2]
        of_date = "а" if before in WORDS.months else ""
        noun = match[2] if match[3] is None else "у" if after_in else of_date
        case = "м" if noun == "у" else _CASES[noun]
        return f"{_ordinal(int(match[1]), case)} год{noun}"

    return _YEAR.sub(_year, text)


def _centuries(text: str, words: Vocabulary) -> str:
    """ "в XIX веке" """
    del words
    return _CENTURY.sub(lambda match: f"{_ordinal(roman_value(match[1]), _CASES[match[2]])} ", text)


def _rulers(text: str, words: Vocabulary) -> str:
    """ "Пётр I", "Екатерины II": the ordinal in the gender and case that the name shows."""
    del words

    def _ruler(match: re.Match[str]) -> str:
        name, value = match[1], roman_value(match[2])
        is_woman = name.startswith(("Екатерин", "Елизавет"))
        case = "го" if name.endswith(("а", "я")) else ""
        if is_woman:
            case = "я" if name.endswith("а") else "ей"
        return f"{name} {_ordinal(value, case)}"

    return _RULER.sub(_ruler, text)
