"""Letters with full stops: U.S.A., J. R. R. Tolkien, a.k.a., Ph.D. No stop inside them is a pause."""

from __future__ import annotations

import re

from models.frontend.text.english.rule import Rule, before, begins_sentence, letters, rule, stop_after

LETTER_FOLLOWS = (
    "grade|vitamin|plan|group|class|type|hepatitis|letter|option|section|appendix|exhibit|team|block|unit|part"
    "|point|series|category|gate|platform|side|model|schedule|table|figure|form|answer|question|line|size|zone"
)
"""Words after which a single letter, A too, is said by its name."""
_ENUMERATED = re.compile(rf"(?:{LETTER_FOLLOWS}) $", re.I)


def _dotted(match: re.Match[str]) -> str:
    if match[1].lower() in ("a.m.", "p.m.") and re.search(r"\d ?$", before(match)):
        return match[0]  # a time
    return letters(match[1].replace(".", "")) + stop_after(match)


def _initial(match: re.Match[str]) -> str:
    """Of a name; a letter that ends a sentence keeps its stop."""
    rest = match.string[match.end() :]
    if begins_sentence(rest) or _ENUMERATED.search(before(match)):
        return match[0]
    return f"{letters(match[1])} "


RULES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w.])(Ph\.? ?D|[MB]\.Sc|[MB]Sc|D\.Phil)(?:\.(?!\w)|(?!\w))",
        lambda match: (
            letters(re.sub(r"\W", "", match[1])) + (stop_after(match) if match[0][-1] == "." else "")
        ),
    ),
    rule(r"(?<![\w.])((?:[A-Za-z]\.){2,})(?!\w)", _dotted),
    rule(r"(?<![\w.])((?:[A-Za-z]\.)+[A-Za-z])(?![\w.])", lambda match: letters(match[1].replace(".", ""))),
    rule(r"(?<![\w.'])([A-Z])\. ?(?=[A-Z])", _initial),
)
