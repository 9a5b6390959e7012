"""Roman numerals, where a name or a word before them says that they are numbers."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import cardinal, ordinal, year
from models.frontend.text.english.rule import Rule, rule

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_NUMERAL = r"(?=[IVXLCDM])(?:M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))"
_COUNTED = (
    "war|chapter|part|volume|book|section|act|scene|episode|bowl|phase|figure|table|article|appendix"
    "|class|level|stage|title|type|grade|fantasy|mark|lesson|unit|canto|apollo|quarter|group|division"
    "|region|vatican|round|tier|day"
)
_RULERS = (
    "henry|edward|george|william|richard|james|charles|elizabeth|mary|louis|philip|napoleon|frederick"
    "|alexander|ivan|peter|catherine|nicholas|pius|benedict|gregory|leo|innocent|clement|boniface|urban"
    "|paul|francis|ferdinand|otto|wilhelm|heinrich|ptolemy|cleopatra|ramses|ramesses|thutmose|amenhotep"
    "|darius|xerxes|haakon|harald|olaf|christian|gustav|carl|albert|leopold|victor|emmanuel|umberto"
    "|alfonso|pedro|john|manuel|stephen|malcolm|robert|david|constantine|theodosius|justinian|rudolf"
    "|maximilian|joseph|franz|sixtus|julius|selim|murad|mehmed|suleiman|rama|felipe|margrethe|beatrix"
    "|henri|mary|anne|matilda|kenneth|alfred|edmund|eric|sigismund|casimir|mithridates"
)
_TITLES = "king|queen|pope|emperor|empress|tsar|czar|kaiser|prince|sultan|pharaoh|saint"
_VERBS = (
    "think|know|guess|have|had|am|was|will|would|can|could|must|hope|mean|said|say|love|like|want|need"
    "|saw|did|do|read|wrote|see|believe|met|feel|felt|should|shall|may|might|go|went|got|get|wish|never"
    "|always|also|just|really"
)


def value(numeral: str) -> int:
    """Of a numeral in capitals."""
    values = [_VALUES[letter] for letter in numeral]
    return sum(
        -one if one < following else one for one, following in zip(values, [*values[1:], 0], strict=True)
    )


def _of(written: str) -> int:
    return int(written) if written.isdecimal() else value(written)


def _ruler(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(value(match[2].upper()))}"


def _counted(match: re.Match[str]) -> str:
    return f"{match[1]}{cardinal(value(match[2].upper()))}"


def _year_of(match: re.Match[str]) -> str:
    return year(value(match[0]))


RULES: tuple[Rule, ...] = (
    rule(r"(?<!\w)WW(I{1,3}|[123])(?!\w)", lambda match: f"World War {cardinal(_of(match[1]))}"),
    # A single I is more often the speaker, X a letter.
    rule(rf"(?<!\w)((?i:{_TITLES}) (?:[A-Z]\w+ )?[A-Z]\w+) ({_NUMERAL})(?![\w'])", _ruler),
    rule(rf"(?<!\w)((?i:{_RULERS})(?: [A-Z][a-z]+)?) (?=V\b|[IVXLC]{{2}})({_NUMERAL})(?![\w'])", _ruler),
    rule(rf"(?<!\w)((?i:{_RULERS})) (I)(?![\w'])(?! (?:{_VERBS})\b)", _ruler),
    rule(rf"(?<!\w)((?i:{_COUNTED})s? )(?![ICDLM](?!\w))({_NUMERAL})(?![\w'])", _counted),
    rule(rf"(?<!\w)((?:{_COUNTED.title()})s? )(I)(?![\w'])(?! (?:{_VERBS})\b)", _counted),
    rule(rf"(?<!\w)((?:{_COUNTED}) )(i{{2,3}}|i[vx]|vi{{1,3}}|xi{{1,3}}|xi?v|xx)(?![\w'])", _counted, re.I),
    rule(r"(?<!\w)([A-Z]\w+ )(X{0,3}(?:I[VX]|VI{1,3}|II{1,2})|X+V?)(?![\w'])(?<!\bX)", _counted),
    rule(rf"(?<!\w)(?=[IVX]{{2}})({_NUMERAL})(?=(?:th)? [Cc]entur)", lambda match: ordinal(value(match[1]))),
    rule(r"(?<!\w)(?=[MDCLXVI]{5})MC?M?D?C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?!\w)", _year_of),
)
