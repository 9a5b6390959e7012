"""Chinese: how numbers, years, percentages and signs are read aloud.

num2words has no Chinese, so the numerals are written here: groups of four digits (万, 亿, 兆), 零 for a gap.
"""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "兆")
_MAX_DIGITS = len(_PLACES) * len(_GROUPS)
_SIGNS = {
    "°C": "摄氏度", "°": "度", "+": "加", "=": "等于", "&": "和", "@": "艾特", "$": "美元", "€": "欧元",
    "£": "英镑", "§": "节",
}  # fmt: skip

_YEAR = re.compile(r"(\d{2,4})(?=年)")
_PERCENT = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)%")
_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b")
_MONEY = re.compile(r"[¥￥]\s?(\d[\d,]*(?:\.\d+)?)")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def expand(text: str) -> str:
    """Folded Chinese text with its numbers and signs written out in characters."""
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    text = _YEAR.sub(lambda match: spell_digits(match[1]), text)
    text = _PERCENT.sub(lambda match: "百分之" + match[1], text)
    text = _MONEY.sub(lambda match: match[1] + "元", text)
    text = _TIME.sub(_time, text)
    return _NUMBER.sub(lambda match: spell_number(match[0]), text)


def spell_digits(digits: str) -> str:
    """Digit by digit: "2024" -> "二零二四"."""
    return "".join(_DIGITS[int(digit)] for digit in digits)


def spell_cardinal(value: int) -> str:
    """A whole number below 10^16: 10203 -> "一万零二百零三"."""
    if value == 0:
        return _DIGITS[0]
    groups = []
    while value:
        value, group = divmod(value, 10_000)
        groups.append(group)
    spoken = ""
    for index in reversed(range(len(groups))):
        group = groups[index]
        if group == 0:
            continue
        gap = bool(spoken) and (group < 1000 or groups[index + 1] == 0)
        spoken += ("零" if gap else "") + _spell_group(group) + _GROUPS[index]
    return spoken[1:] if spoken.startswith("一十") else spoken


def spell_number(text: str) -> str:
    """A written number: sign, whole part, decimals digit by digit. Identifiers are said digit by digit."""
    bare = text.replace(",", "")
    sign = "负" if bare.startswith("-") else ""
    whole, _, decimals = bare.lstrip("-").partition(".")
    as_digits = len(whole) > _MAX_DIGITS or (len(whole) > 1 and whole[0] == "0")
    said = spell_digits(whole) if as_digits else spell_cardinal(int(whole))
    comma = "," if text.endswith(",") else ""
    return sign + said + (f"点{spell_digits(decimals)}" if decimals else "") + comma


def _spell_group(group: int) -> str:
    spoken, gap = "", False
    for place in reversed(range(len(_PLACES))):
        digit = group // 10**place % 10
        if digit == 0:
            gap = bool(spoken)
            continue
        spoken += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return spoken


def _time(match: re.Match[str]) -> str:
    hour, minute = spell_cardinal(int(match[1])), int(match[2])
    if minute == 0:
        return f"{hour}点"
    return f"{hour}点{'零' if minute < 10 else ''}{spell_cardinal(minute)}分"
