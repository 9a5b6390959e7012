"""Chinese: how numbers, dates, times, money, units and signs are read aloud.

WeTextProcessing's grammar (the library wetext, as compiled transducers) reads them. What it reads wrong or
not at all is rewritten before, into a form that it reads right or into characters; `docs/decisions/
text-normalisation.md` has the table that this follows. Texts go to it in pieces: its time grows with the
square of their length, and a comma between two numbers must not join them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from models.frontend.text.reader_process import ask

_DIGITS = "零一二三四五六七八九"
MAX_PIECE = 64
"""Characters given to the grammar at once; a clause has fewer."""

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_STOPS = ",;、。!?…"
_PIECE = re.compile(
    rf"[^{_STOPS}]{{1,{MAX_PIECE}}}(?=[{_STOPS}]|$)"
    rf"|[^{_STOPS}]{{1,{MAX_PIECE}}}(?<=[{_HAN}])(?=[{_HAN}])"
    rf"|[^{_STOPS}]{{1,{MAX_PIECE}}}|[{_STOPS}]+",
    re.DOTALL,
)
_GROUPED = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_ADDRESS = re.compile(
    r"(?:https?://)?(?:[\w.+-]+@)?(?:[\w-]+\.)+(?:com|cn|net|org|edu|gov|info|io|ai|tv|cc)(?:/[\w./?=&%-]*)?"
    r"(?![\w-])|https?://[\w./?=&%-]+",
    re.ASCII,
)
_ADDRESS_SIGNS = {".": "点", "@": "艾特", "/": "斜杠", "-": "杠", "_": "下划线", ":": "冒号"}
_SIGNS = {
    "°C": "摄氏度", "°": "度", "+": "加", "=": "等于", "&": "和", "@": "艾特", "$": "美元", "€": "欧元",
    "£": "英镑", "§": "节", "×": "乘", "÷": "除以", "≈": "约等于", "≠": "不等于", "≥": "大于等于",
    "≤": "小于等于", "±": "正负", "%": "百分号",
}  # fmt: skip
_UNITS = {
    "kWh": "千瓦时", "mAh": "毫安时", "MHz": "兆赫", "GHz": "吉赫", "kHz": "千赫", "Hz": "赫兹", "kW": "千瓦",
    "dB": "分贝", "mL": "毫升", "g": "克", "V": "伏", "W": "瓦",
}  # fmt: skip
_MAGNITUDES = {"K": 10**3, "k": 10**3, "M": 10**6, "B": 10**9}
_LENGTHS = {"mm": "毫米", "cm": "厘米", "dm": "分米", "m": "米", "km": "千米"}
_POWERS = {"²": "平方", "³": "立方"}
_POWER_OF_UNIT = re.compile(rf"(?<![A-Za-z])({'|'.join(_LENGTHS)})([²³])")
_NAMED_BY_DIGITS = "密码|邮编|邮政编码|QQ|航班|验证码|车牌|代码|编码"
_WON = "获胜|取胜|胜|战胜|击败|领先|落后|落败|不敌|险胜|告负|逼平|战平|大胜|负于"
_CALLED = "电话|热线|手机号?|号码|致电|拨打?|传真|客服|電話|熱線"
# wetext has 个, 只, 本 and some more, and none in traditional characters.
_COUNTED = (
    "次倍种台栋句遍份门步番幢篇首幅扇盏盆瓶罐袋盒串排群批伙顿趟回声阵根支枝枚粒颗滴把"
    "片朵棵株匹艘列节堂笔项款样行对户桌桶处道成点间所"
)
_COUNTED_TRADITIONAL = "個|隻|條|張|間|輛|歲|種|點|分鐘|小時|塊|頭|雙|顆|週|台|臺|門|節|項|遍|份|句"


def expand(text: str) -> str:
    """Folded Chinese text with its numbers and signs written out in characters."""
    text = _GROUPED.sub(lambda match: match[0].replace(",", ""), text)
    text = _ADDRESS.sub(_address, text)
    text = _POWER_OF_UNIT.sub(lambda match: _POWERS[match[2]] + _LENGTHS[match[1]], text)
    text = re.sub("[²³]", lambda match: f"的{_POWERS[match[0]]}", text)
    pieces = _PIECE.findall(text)
    numbered = [at for at, piece in enumerate(pieces) if any(map(str.isdecimal, piece))]
    rewritten = [_rewritten(pieces[at].strip()) for at in numbered]
    for at, spoken in zip(numbered, _read(rewritten), strict=True):
        pieces[at] = spoken
    text = "".join(pieces)
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    return re.sub(r"\d", lambda match: spell_digits(match[0]), text)


def spell_digits(digits: str) -> str:
    """Digit by digit: "2024" -> "二零二四"."""
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _read(pieces: list[str]) -> list[str]:
    """What the grammar makes of each piece."""
    if not pieces:
        return []
    read: list[str] = ask("wetext", "\n".join(pieces))
    return read


def _rewritten(piece: str) -> str:
    for pattern, spoken in _RULES:
        piece = pattern.sub(spoken, piece)
    return piece


def _address(match: re.Match[str]) -> str:
    bare = match[0].removeprefix("https://").removeprefix("http://")
    spoken = "".join(_ADDRESS_SIGNS.get(character, character) for character in bare)
    return re.sub(r"\d", lambda digit: spell_digits(digit[0]), spoken)


def _dotted(match: re.Match[str]) -> str:
    """A version or an address of the network: 1.2.3."""
    return "点".join(spell_digits(part) for part in match[0].split("."))


def _digits_only(match: re.Match[str]) -> str:
    return re.sub(r"\d+|-", lambda part: spell_digits(part[0].strip("-")), match[0])


def _telephone(match: re.Match[str]) -> str:
    """As _digits_only; 一 is heard as 七 on the line, so it is said 幺."""
    return _digits_only(match).replace("一", "幺")


def _hundreds(match: re.Match[str]) -> str:
    """A length of time: 1500年 as 1千5百年."""
    return f"{match[1][0]}千{match[1][1]}百年"


def _between(match: re.Match[str]) -> str:
    """Two numbers with a dash: from one to the other where the second is more, or a score."""
    first, second = match[1], match[2]
    if "=" in match.string or len(second) > 5 or (len(first) > 1 and first[0] == "0"):
        return match[0]
    if float(first) < float(second):
        return f"{first}到{second}"
    return f"{first}比{second}" if len(first) < 3 else _telephone(match)


def _years(match: re.Match[str]) -> str:
    """Two years, the later one behind; others are counts."""
    if match[1] >= match[2]:
        return match[0]
    return f"{spell_digits(match[1])}到{spell_digits(match[2])}"


def _abbreviated_money(match: re.Match[str]) -> str:
    """ "$1.5M" counts by 10,000 and 100,000,000, as Chinese does."""
    value = Decimal(match[2]) * _MAGNITUDES[match[3]]
    unit, divisor = ("亿", 10**8) if value >= 10**8 else ("万", 10**4) if value >= 10**4 else ("", 1)
    return f"{(value / divisor).normalize():f}{unit}{_SIGNS[match[1]]}"


_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
_NUMBER = r"\d+(?:\.\d+)?"
_RULES: tuple[_Rule, ...] = tuple(
    (re.compile(pattern), spoken)
    for pattern, spoken in (
        # Fractions as one character: NFKC wrote them with a slash of their own.
        (r"(?<!\d)(\d+) (\d+)[⁄/](\d+)(?![\d/])", r"\1又\2/\3"),
        ("⁄", "/"),
        # Identifiers.
        (r"\+(\d{1,3})[- ]?(?=1\d{10}(?!\d))", lambda match: "加" + spell_digits(match[1])),
        (r"(?<![\d.])(?!(?:19|20)\d\d\.\d{1,2}\.\d{1,2}(?!\d))\d{1,8}(?:\.\d{1,8}){2,}(?![\d.])", _dotted),
        (r"\((0\d{2,3})\)[ -]?(?=\d{7,8}(?!\d))", r"\1-"),
        (r"(?<!\d)(1\d\d)[ -](\d{4})[ -](?=\d{4}(?!\d))", r"\1\2"),
        (rf"(?:{_CALLED})(?:号码)?(?:是|为|:)?\s?(?=[\d-]*\d{{4}})\d[\d-]*\d", _telephone),
        (r"(?<!\d)[48]00\d{7}(?!\d)|(?:转|分机)\d{3,}", _telephone),
        (rf"[{_HAN}]号(?:码)?(?:是|为|:)?\s?\d{{4,}}", _digits_only),
        (rf"(?:{_NAMED_BY_DIGITS})号?(?:是|为|:)?\s?\d{{3,}}", _digits_only),
        (r"(?<=[A-Za-z])(?<!RMB)(?<!USD)\d{3,}(?![\d.%])", _digits_only),
        (r"(?<=[A-Za-z])-(?=\d)", ""),
        (r"(?<![\d-])\d{1,2}(?:-\d{1,2}){2,}(?![\d-])", _digits_only),
        (r"(?<![\d.])\d{12,}(?![\d.])|(?<![\d.])(?!1[3-9])\d{11}(?![\d.])", _digits_only),
        (r"\b[Nn]o\.\s?(?=\d)", "第"),
        # Scores and ranges.
        (r"((?:比分|比数)[^\d,]{0,4}\d{1,3})[-:](?=\d)", r"\1比"),
        (rf"(?<![\d:])(\d{{1,3}})[-:](\d{{1,3}})(?=(?:的比分)?(?:{_WON}))", r"\1比\2"),
        (r"(?<!\d)([12]\d{3})[-~—–―](?=[12]\d{3}年)", r"\1年到"),
        (
            r"(?<![\d.$€£¥/-])((?:19|20)\d\d)\s?[-~—–―]+\s?((?:19|20)\d\d)(?=$|[^\w.%‰°$€£¥/-]|学年|财年|年度)",
            _years,
        ),
        (rf"(\d(?:%|‰|°C?|[{_HAN}]{{1,2}}))[-~—–―]+(?=\d)", r"\1到"),
        (r"(?<=\d)\s?[~—–―]+\s?(?=\d)", "到"),
        (rf"(?<![\d./:-])({_NUMBER})-({_NUMBER})(?![\d./:-])", _between),
        # Years, dates and lengths of time.
        (
            r"(?<![\d.:/*+=×÷<>$€£¥第-])(?:19|20)(?!00)\d\d(?=$)|(?<!\d)(?:[5-9]5|[01]5)(?=后(?!退))",
            _digits_only,
        ),
        (r"(?<!\d)((?:19|20)\d0)s(?![A-Za-z])", lambda match: spell_digits(match[1]) + "年代"),
        (
            r"(?<![\d.])(1[0-2])\.(0[1-9]|[12]\d|3[01])(?=$|[^\w%‰°$.])",
            lambda match: f"{match[1]}点{spell_digits(match[2])}",
        ),
        (r"(\d{1,3})'(\d{1,2})(?:\"|''|”)", r"\1分\2秒"),
        (r"公元前?\d{1,3}(?=年)", _digits_only),
        (r"(?<!\d)([3-9])000年", r"\1千年"),
        (r"(?<!\d)(2[2-9]|[3-9]\d)00年", _hundreds),
        (r"(?<!\d)([12])000年(?=的?(?:历史|文明|古)|之久)", r"\1千年"),
        (r"(?<!\d)(1[1-9])00年(?=的?(?:历史|文明|古)|之久)", _hundreds),
        (r"(?<![\d.])(?:1[89]|20)(?!00)\d\d(?=年)", _digits_only),
        (r"(?<![\d近约过了满第达共])[6-9][1-9](?=年(?!的?历史|前|来|间|后|之|以来|如一))", _digits_only),
        # 二 or 两.
        (r"(?<=月)2(?=[日号號])|(?<!\d)2(?=日)|(?<=第)2(?!\d)", "二"),
        (rf"(?<![A-Za-z\d.比到/:~-])2(?=[{_COUNTED}])", "两"),
        (rf"(?<![A-Za-z\d.比到/:~-])2(?={_COUNTED_TRADITIONAL})", "兩"),
        # Money, units, shares and operators.
        (rf"([$€£])\s?({_NUMBER})\s?([KkMB])(?![A-Za-z])", _abbreviated_money),
        (rf"([$€£])\s?({_NUMBER})([百千万亿]+)", lambda match: match[2] + match[3] + _SIGNS[match[1]]),
        (r"第?(?<![A-Za-z\d.])(\d+)(?:st|nd|rd|th)(?![A-Za-z])", r"第\1"),
        (rf"(\d[\d.]*\s?(?:[{_HAN}]{{1,3}}|[A-Z]+))/(?=[{_HAN}])", r"\1每"),
        (rf"(?<=每[{_HAN}])/(?=[{_HAN}])", "每"),
        (r"(?<=\d秒)\d\d(?!\d)", _digits_only),
        (r"(?<=[A-Za-z0-9)])\s?<\s?(?=-?\d)", "小于"),
        (r"(?<=[A-Za-z0-9)])\s?>\s?(?=-?\d)", "大于"),
        (r"(\d[米块塊])(\d{1,2})(?=$|[^\w.]|的|高|长)", lambda match: match[1] + spell_digits(match[2])),
        (rf"(?<=\d)\s?({'|'.join(_UNITS)})(?![A-Za-z0-9/])", lambda match: _UNITS[match[1]]),
        (rf"({_NUMBER})‰", r"千分之\1"),
        (r"(?<=[A-Za-z0-9)])\s?\+\s?(?=\d)", "加"),
        (r"(?<=\d)\s?÷\s?(?=\d)", "除以"),
        (r"(?<=\d)\s?\*\s?(?=\d)", "乘"),
        (r"≈", "约等于"),
    )
)
