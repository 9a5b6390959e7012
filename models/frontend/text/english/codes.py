"""Numbers that name something and are said digit by digit: telephones, addresses of machines, versions."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import digit_by_digit, number
from models.frontend.text.english.rule import Rule, letters, rule

_CALL = (
    r"(?:call|calls|called|calling|dial|dials|dialed|dialled|phone|phoned|tel|telephone|fax|mobile|ring|text)"
)
_GROUP = r"\(?\d+\)?"


def _groups(match: re.Match[str]) -> str:
    """A telephone number with a short pause where it is parted."""
    said = [digit_by_digit(group) for group in re.findall(r"\d+", match[0])]
    return ("plus " if match[0].startswith("+") else "") + ", ".join(said)


def _called(match: re.Match[str]) -> str:
    rest = re.sub(r"\d[\d() .-]*", _groups, match[0][len(match[1]) :].rstrip(" .-"))
    return match[1] + rest + match[0][len(match[0].rstrip(" .-")) :]


def _dotted(match: re.Match[str]) -> str:
    """A version or an address; its parts are said in digits where there are three of them."""
    parts = match["parts"].split(".")
    is_address = len(parts) == 4 and any(len(part) == 3 for part in parts)
    said = " dot ".join(map(digit_by_digit, parts)) if is_address else " point ".join(map(number, parts))
    port = f" colon {digit_by_digit(match['port'])}" if match["port"] else ""
    return f"{said}{port}"


RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,:-])(?:1[ .-])?\d{3}[.-]\d{3}[.-]\d{4}(?![\w:-])", _groups),
    rule(r"(?<![\w.])(?P<parts>\d+(?:\.\d+){2,})(?::(?P<port>\d+))?(?![\w]|\.\d)", _dotted),
    rule(
        r"(?<!\w)[vV]\.? ?(\d+(?:\.\d+)*)(?![\w]|\.\d)",
        lambda match: "version " + " point ".join(map(number, match[1].split("."))),
    ),
    rule(r"(?<![\w+])\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\w)", _groups),
    rule(r"(?<!\w)\(\d{2,5}\) ?\d{2,4}(?:[ .-]\d{3,4}){0,2}(?!\w)", _groups),
    rule(r"(?<![\w.,:-])(?:1 )?\d{3} \d{3} \d{4}(?![\w:-])", _groups),
    rule(r"(?<![\w.,:$£€-])\d{3}-\d{4}(?![\w%°-])", _groups),
    # Behind a figure and a space zeros are the rest of "1 000 000".
    rule(r"(?<![\w.,:-])(?<!\d )0\d{1,4}(?:[ -]\d{2,4}){1,4}(?![\w:-])", _groups),
    rule(r"(?<![\w.,:-])\d{4}(?:[ -]\d{4}){2,}(?![\w:-])", _groups),
    rule(r"(?<![\w.,:-])\d{3}-\d\d-\d{4}(?![\w:-])", _groups),
    rule(r"(?<![\w.,:-])97[89](?:-\d+){3,4}(?![\w:-])", _groups),
    rule(
        rf"(?<!\w)({_CALL}(?: (?:me|us|him|her|them))?(?: (?:at|on))?[:,]? (?:number )?)(?=\d{{3}}|\d[ -]\d)"
        r"\d[\d() .-]*(?![\w%,/:])",
        _called,
        re.I,
    ),
    rule(r"(?<![\w.,:-])(911|112|999)(?= (?:call|operator|dispatch|emergency))", _groups),
    rule(r"(?<!\w)([A-Z]{2}) (\d{5})(?:-(\d{4}))?(?![\w-])",
         lambda match: f"{letters(match[1])} {digit_by_digit(match[2] + (match[3] or ''))}"),
    rule(r"(?<!\w)(?<!\d )([b-df-hj-np-tv-z]{1,3}|[A-Z]{2,4}|IPv)(?=\d+(?!\w))",
         lambda match: letters(match[1]) + " "),
)  # fmt: skip
