"""German ordinals: figures with a full stop and Roman numerals, in the ending that words around ask for."""

from __future__ import annotations

import re

from models.frontend.text.numbers import number_words
from models.frontend.text.rules_words import roman_value
from models.frontend.text.vocabulary import Vocabulary, listed

# After these the ordinal ends in -n ("am dritten"), after articles of the nominative in -e ("das dritte").
_WEAK_N = listed(
    "am vom zum zur im beim ins den dem des einem einen einer eines meinem meinen seinem seinen seiner "
    "ihrem ihren "
    "ihrer unserem unseren unserer jedem jeden ab seit bis vor nach"
)
_WEAK_E = listed("der die das eine meine seine ihre unsere jeder jede jedes dieses diese dieser welche")
_NAMES_IN_S = listed(
    "Johannes Nikolaus Pius Ptolemäus Dareios Ramses Charles Carlos Julius Sixtus Bonifatius"
)
_MIXED = listed("ein mein dein sein ihr unser kein")
_DATIVE = listed("in an auf mit bei nach von aus zu seit während wegen ab vor zwischen unter über neben")
_FEMININE = re.compile(
    r"Klasse|Liga|Bundesliga|Etage|Auflage|Runde|Reihe|Stelle|Stunde|Woche|Minute|Generation|Stufe|Folge|"
    r"Seite|"
    r"Staffel|Frau|Wahl|Person|Dimension|Hand|Halbzeit|Sinfonie|Symphonie|Welt|Saison|\w+(?:ung|heit|keit|"
    r"schaft|tion)"
)
_NEUTER = re.compile(
    r"Jahrhundert|Jahrtausend|Kapitel|Mal|Quartal|Semester|Stockwerk|Jahr|Spiel|Tor|Gebot|Buch|Lebensjahr|"
    r"Kind|"
    r"Obergeschoss|Halbjahr|Drittel|Viertel|Bataillon|Reich|Programm"
)
_COUNTED = (
    r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|Jahrhunderts?|"
    r"Jahrtausends?|Platz|Stock|Tag|Mal|Weltkrieg(?:s|es)?|Geburtstag|Kapitel|Teil|Rang|Lebensjahr|Advent|"
    r"Semester|Quartal|Akt|Satz|Spieltag|Bezirk|Versuch|" + _FEMININE.pattern + ")"
)
_LIST = r"\d{1,3}\.(?:(?: ?,| und| oder| bis| sowie| bis zum| -) \d{1,3}\.)*"
_ORDINALS = re.compile(
    rf"(?:(?P<dative>\b[^\W\d_]+) )??(?:(?P<before>\b[^\W\d_]+),? )?(?<![\w.,])(?P<list>{_LIST})"
    r"(?=(?P<after> (?:[^\W\d_]+)))"
)
_ROMAN_BEFORE_NOUN = re.compile(
    r"(?:(?P<before>\b[^\W\d_]+) )?\b(?P<roman>[IVX]+)\.(?= (?P<after>[A-ZÄÖÜ]\w+))"
)
_ROMAN_AFTER_NAME = re.compile(
    r"\b(?P<name>[A-ZÄÖÜ][\w-]+) (?:(?P<article>d[ie][resmn]?) )?(?P<roman>[IVX]+)\.(?P<rest>\s*[^\s]?)"
)
_WOMEN = listed("Elisabeth Katharina Margarethe Beatrix Isabella Maria Christina Viktoria Victoria")


def day_of_month(day: int, before: str, month: str) -> str:
    """ "am" -> "dritten", "der" -> "dritte", nothing -> "dritter"."""
    del month
    # "am 1.4. und 2.4.": whatever the first one's ending was, this is the commonest.
    before = "am" if before.lower() in ("und", "oder") else before
    return _ordinal(day, _ending(before.lower(), "", "Tag"))


def ordinal_of_ruler(value: int, name: str) -> str:
    """ "der Achte", as it follows a name; after a genitive "des Achten"."""
    is_genitive = name.endswith("s") and name not in _NAMES_IN_S
    is_woman = name.removesuffix("s") in _WOMEN
    article = ("der" if is_woman else "des") if is_genitive else "die" if is_woman else "der"
    return f"{article} {_ordinal(value, 'n' if is_genitive else '').capitalize()}"


def expand_german_ordinals(text: str, words: Vocabulary) -> str:
    """ "am 3. und 4. Platz", "der 2. Weltkrieg"; a full stop that may end a sentence stays one."""
    del words

    def _listed(match: re.Match[str]) -> str:
        before, after = match["before"] or "", match["after"].strip()
        if not _is_ordinal(match, before, after):
            return match[0]
        ending = _ending(before.lower(), (match["dative"] or "").lower(), after)
        said = re.sub(r"(\d+)\.", lambda each: _ordinal(int(each[1]), ending), match["list"])
        return match[0][: match.start("list") - match.start()] + said

    return _ORDINALS.sub(_listed, text)


def _is_ordinal(match: re.Match[str], before: str, after: str) -> bool:
    if before.lower() in _WEAK_N | _WEAK_E | _MIXED or re.fullmatch(_COUNTED, after):
        return True
    # Within a sentence no full stop stands before a small letter, nor within a list.
    is_within = after[0].islower() and bool(before) and after not in ("und", "oder")
    return is_within or " " in match["list"]


def _ending(before: str, earlier: str, after: str) -> str:
    """What follows the stem that ends in -te: "", "n", "r" or "s"."""
    if before in _WEAK_E:
        return "n" if before in ("der", "jeder", "dieser") and earlier in _DATIVE else ""
    if before in _WEAK_N:
        return "n"
    if _FEMININE.fullmatch(after):
        return ""
    if _NEUTER.fullmatch(after) or after.endswith("isches"):
        return "s"
    return "" if after.endswith("ische") else "r"


def _ordinal(value: int, ending: str) -> str:
    stem = number_words(value, "de", "ordinal")
    return f"{value}." if stem is None else stem + ending


def expand_german_roman(text: str, words: Vocabulary) -> str:
    """ "Heinrich VIII." is the eighth, "der II. Weltkrieg" the second; "Ludwigs XIV." is a genitive."""

    def _after_name(match: re.Match[str]) -> str:
        if match["name"].lower() in words.counting:
            return match[0]
        said, rest = ordinal_of_ruler(roman_value(match["roman"]), match["name"]), match["rest"]
        if match["article"]:
            ending = "n" if match["article"] in ("des", "dem", "den") else ""
            said = f"{match['article']} {_ordinal(roman_value(match['roman']), ending).capitalize()}"
        return f"{match['name']} {said}{'' if rest.strip() else '.'}{rest}"

    def _before_noun(match: re.Match[str]) -> str:
        before = match["before"] or ""
        if before and before[0].isupper() and before.lower() not in _WEAK_N | _WEAK_E:
            return match[0]
        said = _ordinal(roman_value(match["roman"]), _ending(before.lower(), "", match["after"]))
        return f"{before} {said}".strip()

    return _ROMAN_AFTER_NAME.sub(_after_name, _ROMAN_BEFORE_NOUN.sub(_before_noun, text))
