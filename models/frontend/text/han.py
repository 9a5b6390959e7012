"""Texts in Han characters among which Latin words stand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from models.frontend.text.arpabet import arpabet_words
from models.frontend.text.characters import Token


def by_character(
    tokens: list[Token], symbols_of: Callable[[str], list[list[str]]]
) -> list[tuple[str, list[str]]]:
    """One word per Han character (BERT's features are per character); Latin words are read as English."""
    spoken: list[tuple[str, list[str]]] = []
    for token in tokens:
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        for is_han, run in itertools.groupby(token.text, key=_is_han):
            stretch = "".join(run)
            if is_han:
                spoken.extend(zip(stretch, symbols_of(stretch), strict=True))
            else:
                spoken.append((stretch, arpabet_words([stretch])[0]))
    return spoken


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf" or character == "〇"
