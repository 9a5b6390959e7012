"""Amounts of money; their numbers are never years."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import NUMBER, cardinal, number, plural
from models.frontend.text.english.rule import Rule, letters, rule
from models.frontend.text.english.units import PER, is_adjective, per

_SYMBOLS = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", ""),
    "₹": ("rupee", "paisa"), "₩": ("won", ""), "₽": ("ruble", "kopeck"), "¢": ("cent", ""),
    "US$": (f"{letters('US')} dollar", "cent"), "C$": ("Canadian dollar", "cent"),
    "CA$": ("Canadian dollar", "cent"), "A$": ("Australian dollar", "cent"),
    "AU$": ("Australian dollar", "cent"), "NZ$": ("New Zealand dollar", "cent"),
    "HK$": ("Hong Kong dollar", "cent"), "S$": ("Singapore dollar", "cent"),
}  # fmt: skip
_CODES = {
    "USD": (f"{letters('US')} dollar", "cent"), "EUR": ("euro", "cent"), "GBP": ("pound", "penny"),
    "JPY": ("yen", ""), "CHF": ("Swiss franc", ""), "CAD": ("Canadian dollar", "cent"),
    "AUD": ("Australian dollar", "cent"), "INR": ("rupee", "paisa"), "CNY": ("yuan", ""),
    "RMB": ("yuan", ""), "BTC": ("bitcoin", ""),
}  # fmt: skip
_CURRENCIES = _SYMBOLS | _CODES
_PLURALS = {"penny": "pence", "yen": "yen", "won": "won", "yuan": "yuan", "paisa": "paise"}
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "mm": "million", "mil": "million", "b": "billion",
    "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip

_ANY = "|".join(re.escape(one) for one in sorted(_CURRENCIES, key=len, reverse=True))
_BEHIND = "|".join(re.escape(one) for one in ("€", "£", "¢", "¥", "₹", "₩", "₽", "$", *_CODES))
_SCALE = r"(?:[ -]?(?i:hundred|thousand|million|billion|trillion)\b|(?i:k|mil|mn|mm|m|bn|b|trn|tn|t)(?!\w))"
_AMOUNT = rf"(?P<amount>{NUMBER})(?P<scale>{_SCALE})?"
_RANGE = rf"(?P<low>{NUMBER})(?P<low_scale>{_SCALE})? ?[-–] ?"


def _scale(written: str | None) -> str:
    bare = (written or "").strip(" -").lower()
    return f" {_SCALES.get(bare, bare)}" if bare else ""


def _money(match: re.Match[str]) -> str:
    found = match.groupdict()
    unit, subunit = _CURRENCIES[match["currency"]]
    low = f"{number(found['low'])}{_scale(found.get('low_scale'))} to " if found.get("low") else ""
    said = _amount(match["amount"], _scale(match["scale"]), unit, subunit, bool(low), is_adjective(match))
    return f"{low}{said}{per(match)}"


def _amount(written: str, scale: str, unit: str, subunit: str, is_range: bool, is_adjective: bool) -> str:
    whole, _, fraction = written.partition(".")
    if scale or is_range or is_adjective or not (subunit and 1 <= len(fraction) <= 2):
        one = is_adjective or (written == "1" and not scale and not is_range)
        return f"{number(written)}{scale} {unit if one else _plural(unit)}"
    cents = int(fraction.ljust(2, "0"))
    said = f"{number(whole)} {unit if whole == '1' else _plural(unit)}" if whole.strip("0") else ""
    if cents:
        said += f"{' and ' if said else ''}{cardinal(cents)} {subunit if cents == 1 else _plural(subunit)}"
    return said or f"zero {_plural(unit)}"


def _plural(unit: str) -> str:
    return _PLURALS.get(unit) or plural(unit)


RULES: tuple[Rule, ...] = (
    rule(r"(?<!\w)(US\$|[$£€¥])[-−](?=\d)", r"minus \1"),
    rule(rf"(?<![\w$])(?P<currency>{_ANY}) ?{_RANGE}(?:{_ANY})?{_AMOUNT}(?!\w){PER}", _money),
    rule(rf"(?<![\w$])(?P<currency>{_ANY}) ?{_AMOUNT}(?!\w|\.\d){PER}", _money),
    rule(rf"(?<![\w.,]){_RANGE}{_AMOUNT} ?(?P<currency>{_BEHIND})(?!\w){PER}", _money),
    rule(rf"(?<![\w.,]){_AMOUNT} ?(?P<currency>{_BEHIND})(?!\w){PER}", _money),
    rule(
        r"(?<![\w.,])(\d\d?)p(?!\w)",
        lambda match: f"{number(match[1])} {'penny' if match[1] == '1' else 'pence'}",
    ),
)
