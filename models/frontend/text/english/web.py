"""Addresses of the web, e-mail, file names, hashtags and names of users."""

from __future__ import annotations

import re

from models.frontend.text.english.numerals import digit_by_digit, number
from models.frontend.text.english.rule import Rule, letters, rule, word_set

_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "@": "at", "?": "question mark",
    "=": "equals", "&": "and", "%": "percent", "#": "hash", "~": "tilde", "+": "plus",
}  # fmt: skip
_SPELLED = word_set(
    "www http https ftp uk us de io ai tv eu fr ca ch at it nl ru cn jp au nz es se be edu txt pdf html"
    " htm php py js ts css jpg png mp csv exe xml md svg sql"
)
_DOMAINS = (
    "com|org|net|edu|gov|info|io|ai|tv|eu|uk|us|de|fr|ca|ch|at|nl|ru|cn|jp|au|nz|se|be|app|dev|me|co"
    "|blog|wiki|shop|online|int"
)
_FILES = (
    "txt|pdf|html?|php|py|js|ts|css|jpe?g|png|gif|mp[34]|wav|flac|docx?|xlsx?|csv|json|exe|zip|xml|ya?ml|md"
)
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+|\d+|[^\w\s]|_")


def _address(written: str) -> str:
    """Each part of an address in words; the scheme is not said."""
    said = []
    for piece in _PIECE.findall(re.sub(r"^https?://", "", written, flags=re.I)):
        if piece.isdecimal():
            said.append(number(piece) if len(piece) < 3 else digit_by_digit(piece))
        elif piece.lower() in _SPELLED:
            said.append(letters(piece))
        else:
            said.append(_SIGNS.get(piece, piece if piece.isalpha() else ""))
    return " ".join(said)


def _whole(match: re.Match[str]) -> str:
    address = match[0].rstrip(".,!?;:'/")
    return f" {_address(address)}{match[0][len(address) :].replace('/', '')} "


def _tag(match: re.Match[str]) -> str:
    return f"hashtag {' '.join(piece for piece in _PIECE.findall(match[1]) if piece != '_')}"


RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w.@])[\w.+-]+@\w[\w-]*(?:\.\w[\w-]*)+", _whole, re.ASCII),
    rule(r"(?<![\w@])(?:https?://|www\.)[^\s<>()\"]+", _whole, re.I),
    rule(
        rf"(?<![\w.@-])[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:{_DOMAINS})(?:/[^\s<>()\"]*)?(?![\w-]|\.\w)",
        _whole,
        re.I | re.ASCII,
    ),
    rule(rf"(?<![\w.@-])[a-z_][\w-]*\.(?:{_FILES})(?!\w)", _whole, re.I | re.ASCII),
    rule(r"(?<![\w&])#([A-Za-z]\w*)", _tag),
    rule(r"(?<![\w.])@(?=[A-Za-z_])(\w+)", lambda match: f"at {_address(match[1])}"),
    rule(r"(?<![\w.])\.(?=[A-Za-z]{2})", "dot "),
)
