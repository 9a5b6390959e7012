"""Words that are written short: titles, streets, companies, references, Latin."""

from __future__ import annotations

import re

from models.frontend.text.english.rule import Rule, before, begins_sentence, rule, stop_after, word_set

_WORDS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "rev": "reverend",
    "hon": "honorable", "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant",
    "sgt": "sergeant", "maj": "major", "cpl": "corporal", "cmdr": "commander", "adm": "admiral",
    "gov": "governor", "sen": "senator", "rep": "representative", "pres": "president", "st": "saint",
    "mt": "mount", "ft": "fort", "jr": "junior", "sr": "senior", "esq": "esquire", "co": "company",
    "ltd": "limited", "inc": "incorporated", "corp": "corporation", "bros": "brothers", "ave": "avenue",
    "blvd": "boulevard", "rd": "road", "hwy": "highway", "pkwy": "parkway", "ln": "lane", "apt": "apartment",
    "etc": "et cetera", "vs": "versus", "al": "al", "cf": "compare", "approx": "approximately",
    "dept": "department", "est": "established", "govt": "government", "assoc": "association",
    "univ": "university", "tel": "telephone", "ext": "extension", "misc": "miscellaneous", "no": "number",
    "nos": "numbers", "vol": "volume", "vols": "volumes", "fig": "figure", "figs": "figures",
    "ch": "chapter", "sec": "section", "eq": "equation", "ed": "edition", "pp": "pages", "p": "page",
    "ca": "circa", "c": "circa", "para": "paragraph", "max": "maximum", "min": "minimum", "avg": "average",
}  # fmt: skip
_BEFORE_FIGURE = word_set("no nos vol vols fig figs ch sec eq pp p ca c ext est para")
_BEFORE_NAME = word_set(
    "st mt ft gen col hon rev ms maj gov sen rep pres adm cmdr cpl lt capt sgt prof dr mr mrs"
)
"""Titles: where no name follows, some are words and some are streets."""
_NEEDS_CAPITAL = _BEFORE_NAME - word_set("mr mrs dr prof capt sgt lt") | word_set(
    "co sr jr ave rd ln corp ed assoc"
)
"""These end sentences and are English words or parts of names; a capital letter marks the abbreviation."""
_UNITS = frozenset(("min", "sec", "ft", "c"))
_WITHOUT_STOP = "Mr|Mrs|Ms|Dr|Prof|St|Mt|Lt|Sgt|Capt|Rev"
_STREETS = {"st": "street", "dr": "drive"}

_PHRASES = (
    rule(r"(?<!\w)e\.\s?g\.,?", "for example", re.I),
    rule(r"(?<!\w)i\.\s?e\.,?", "that is", re.I),
    rule(r"(?<!\w)w/o(?!\w)", "without", re.I),
    rule(r"(?<!\w)w/(?=\s?[A-Za-z])", "with ", re.I),
    rule(r"(?<!\w)c/o(?!\w)", "care of", re.I),
    rule(r"(?<!\w)24/7(?!\w)", "twenty four seven"),
    rule(r"(?<!\w)9/11(?!\w)", "nine eleven"),
)


def _spoken(match: re.Match[str]) -> str:
    written = match[1]
    word = written.lower()
    if word not in _WORDS:
        return match[0]
    preceding, after = before(match).rstrip(), match.string[match.end() :].lstrip()
    if word in _UNITS and preceding[-1:].isdigit():
        return match[0]
    if word in _BEFORE_FIGURE and not re.match(r"#?\d|[IVXL]{2,}\b", after):
        return match[0]
    if word in _NEEDS_CAPITAL and not written[0].isupper():
        return match[0]
    is_name = re.match(r"[\"'(]?[A-Z]", after) is not None and not begins_sentence(after)
    if word in _STREETS and re.search(r"(?:[A-Z]\w+|\d(?:st|nd|rd|th))$", preceding) and not is_name:
        return _STREETS[word] + stop_after(match)
    if word in _STREETS and re.search(r"\d(?:st|nd|rd|th)$", preceding):
        return _STREETS[word]
    if word in _BEFORE_NAME:
        return match[0] if word in ("rep", "gen", "ft", "mt") and not is_name else _WORDS[word]
    return _WORDS[word] + stop_after(match)


RULES: tuple[Rule, ...] = (
    *_PHRASES,
    rule(r"(?<![\w.])([A-Za-z]{1,6})\.(?!\w)", _spoken),
    rule(rf"(?<![\w.])({_WITHOUT_STOP})(?= [A-Z])", lambda match: _WORDS[match[1].lower()]),
    rule(r"(?<!\w)N[or]\.? ?(?=\d)", "number "),
    rule(r"(?<!\w)pp ?(?=\d)", "pages "),
)
