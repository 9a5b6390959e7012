"""Texts in Han characters among which Latin words stand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from models.frontend.text.arpabet import arpabet_words
from models.frontend.text.characters import Token, is_han


def by_character(
    tokens: list[Token], symbols_of: Callable[[str], list[list[str]]]
) -> list[tuple[str, list[str]]]:
    """One word per Han character (BERT's features are per character); Latin words are read as English.

    A character without a reading, as many of the later planes, has no phones.
    """
    spoken: list[tuple[str, list[str]]] = []
    for token in tokens:
        if token.is_mark:
            spoken.append((token.text, [token.text]))
            continue
        for of_han, run in itertools.groupby(token.text, key=is_han):
            stretch = "".join(run)
            if of_han:
                spoken.extend(zip(stretch, symbols_of(stretch), strict=True))
            else:
                spoken.append((stretch, arpabet_words([stretch])[0]))
    return spoken
