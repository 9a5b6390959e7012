"""Signs that are words, and the minus sign."""

from __future__ import annotations

import re

from models.frontend.text.english.rule import Rule, rule

MINUS: tuple[Rule, ...] = (
    rule(r"(?<![^\s(\[\"'=<>:/])[-−–](?=\.?\d|[$£€¥]\d)", "minus "),
    rule(r"(?<!<)< ?(?=-?\d)", " less than "),
    rule(r"(?<!>)> ?(?=-?\d)", " greater than "),
    rule(r"(?<=\d)\s?−\s?(?=[\d$£€¥])", " minus "),
    rule(r"(?<=\d) [-–] (?=[\d.]+\s*=)", " minus "),
    rule(r"(?<=\d) ?[×*] ?(?=[\d.]+\s*=)|(?<=\d) x (?=[\d.]+\s*=)", " times "),
    rule(r"(?<=\d) ?[/÷] ?(?=[\d.]+\s*=)|(?<=\d) ?÷ ?(?=\d)", " divided by "),
)
"""Before numbers are words."""
_WORDS = {
    "%": "percent", "&": "and", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "§": "section",
    "#": "number", "±": "plus or minus", "×": "times", "÷": "divided by", "≈": "approximately", "≠":
    "does not equal", "≤": "less than or equal to", "≥": "greater than or equal to", "√": "square root of",
    "∞": "infinity", "π": "pi", "‰": "per mille", "€": "euro", "£": "pound", "$": "dollar", "¥": "yen",
    "−": "minus", "²": "squared", "³": "cubed", "©": "copyright", "¢": "cent", "₿": "bitcoin",
}  # fmt: skip
GRADES: tuple[Rule, ...] = (
    rule(r"(?<!\w)([A-Z])\+\+", r"\1 plus plus"),
    rule(r"(?<!\w)([A-G])#", r"\1 sharp"),
    rule(r"(?<!\w)([A-DF])[-−](?=[\s.,;:!?)]|$)(?! -)", r"\1 minus"),
)
"""Letters with signs behind them: marks, notes, languages of programs."""
RULES: tuple[Rule, ...] = (
    rule(r"(?<!\w)~ ?(?=\w)", "about "),
    rule("[" + re.escape("".join(_WORDS)) + "]", lambda match: f" {_WORDS[match[0]]} "),
)
