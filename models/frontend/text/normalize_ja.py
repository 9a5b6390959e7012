"""Japanese: what Open JTalk does not read of numbers by itself.

It reads figures with their counters ("3人", "10本", "8日"), so these stay figures and stay with what they
count; only signs, groups, decimals, times, dates and money become characters.
"""

from __future__ import annotations

import re

_KANJI = "零一二三四五六七八九"
_KANA = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_MONEY = {"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円", "￥": "円"}
_UNITS = {
    "km/h": "キロメートル毎時", "m/s": "メートル毎秒", "km2": "平方キロメートル", "m2": "平方メートル",
    "m3": "立方メートル", "km": "キロメートル", "cm": "センチメートル", "mm": "ミリメートル", "m": "メートル",
    "kg": "キログラム", "mg": "ミリグラム", "g": "グラム", "t": "トン", "ml": "ミリリットル",
    "mL": "ミリリットル", "l": "リットル", "L": "リットル", "GB": "ギガバイト", "MB": "メガバイト",
    "TB": "テラバイト", "kW": "キロワット", "W": "ワット", "kWh": "キロワット時", "V": "ボルト",
    "Hz": "ヘルツ", "MHz": "メガヘルツ", "GHz": "ギガヘルツ", "°C": "度", "°": "度", "%": "パーセント",
    "‰": "パーミル",
}  # fmt: skip
_SIGNS = {
    "&": "アンド", "@": "アットマーク", "+": "プラス", "=": "イコール", "%": "パーセント", "§": "節",
    "#": "ナンバー", "×": "かける", "÷": "わる", "±": "プラスマイナス", "$": "ドル", "€": "ユーロ",
    "£": "ポンド", "¥": "円",
}  # fmt: skip

_DATE = re.compile(r"(?<![\d./-])(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?![\d./-])")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])")
# Kana and characters touch figures, which are read apart from them.
_PHONE = re.compile(r"(?<![A-Za-z\d-])0\d{1,4}-\d{1,4}-\d{3,4}(?![A-Za-z\d-])")
_POSTCODE = re.compile(r"〒\s?(\d{3})-?(\d{4})(?!\d)")
_GROUP = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_FRACTION = re.compile(r"(?<![\d/])(\d+)[/⁄](\d+)(?![\d/])")
_RANGE = re.compile(r"(?<=[\d%人年月日時分円])\s?[~〜–-]\s?(?=\d)")
_MINUS = re.compile(r"(?<![\w])[-−](?=\d)")
_SIGN_FIRST = re.compile(r"([$€£¥￥])\s?(\d+(?:\.\d+)?)(万|億|兆)?")
_SIGN_LAST = re.compile(r"(\d)\s?([$€£¥￥])")
_UNIT = re.compile(
    rf"(?<=\d)\s?({'|'.join(sorted(map(re.escape, _UNITS), key=len, reverse=True))})(?![A-Za-z\d])"
)
_DECIMAL = re.compile(r"(?<![\d.])(\d+)\.(\d+)(?![\d.])")
_LEADING_ZERO = re.compile(r"(?<![\d.])0\d+(?![\d.時分月日])")


def expand(text: str) -> str:
    """Folded Japanese text whose figures Open JTalk reads as they are said."""
    for rule in (_dates, _times, _phones, _groups, _fractions, _ranges, _money, _amounts, _signs):
        text = rule(text)
    return text


def _dates(text: str) -> str:
    return _DATE.sub(lambda match: f"{match[1]}年{int(match[3])}月{int(match[4])}日", text)


def _times(text: str) -> str:
    def _time(match: re.Match[str]) -> str:
        minute = int(match[2])
        return f"{int(match[1])}時" + (f"{minute}分" if minute else "")

    return _TIME.sub(_time, text)


def _phones(text: str) -> str:
    text = _POSTCODE.sub(_postcode, text)
    return _PHONE.sub(lambda match: "の".join(map(_figures, match[0].split("-"))), text)


def _postcode(match: re.Match[str]) -> str:
    """A pause parts it from the address."""
    pause = "、" if match.string[match.end() :].strip() else ""
    return f"郵便番号{_figures(match[1])}の{_figures(match[2])}{pause}"


def _figures(digits: str) -> str:
    return "".join(_KANA[int(digit)] for digit in digits)


def _groups(text: str) -> str:
    return _GROUP.sub("", text)


def _fractions(text: str) -> str:
    return _FRACTION.sub(r"\2分の\1", text)


def _ranges(text: str) -> str:
    return _MINUS.sub("マイナス", _RANGE.sub("から", text))


def _money(text: str) -> str:
    text = _SIGN_FIRST.sub(lambda match: f"{match[2]}{match[3] or ''}{_MONEY[match[1]]}", text)
    return _SIGN_LAST.sub(lambda match: match[1] + _MONEY[match[2]], text)


def _amounts(text: str) -> str:
    """Units, decimals figure by figure, and figures that begin with a zero."""
    text = _UNIT.sub(lambda match: _UNITS[match[1]], text)
    text = _LEADING_ZERO.sub(lambda match: _figures(match[0]), text)
    return _DECIMAL.sub(lambda match: f"{match[1]}点{_decimals(match[2])}", text)


def _decimals(digits: str) -> str:
    return "".join(_KANJI[int(digit)] for digit in digits)


def _signs(text: str) -> str:
    for sign, spoken in _SIGNS.items():
        text = text.replace(sign, spoken)
    return text
