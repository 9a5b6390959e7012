"""Cantonese characters to the jyutping symbols of GPT-SoVITS's v2 table (wheel ToJyutping).

A syllable is two symbols that begin with Y: its initial, and its final with the tone ("gwong2" -> Ygw Yong2).
A syllable without an initial repeats its vowel instead: what the table has as a bare vowel comes first, the
rest of the syllable, or its last letter, follows ("aa3" -> Yaa Ya3, "uk1" -> Yuk Yk1).
"""

from __future__ import annotations

import re

from models.frontend.text.characters import Token
from models.frontend.text.extras import require_package
from models.frontend.text.han import by_character

_INITIALS = ("gw", "kw", "ng", *"bpmfdtnlgkhwzcsj")
_BARE_VOWELS = ("aa", "ai", "ak", "au", "a", "e", "oi", "ok", "on", "ou", "o", "uk")
_SYLLABLE = re.compile(r"([a-z]+)([1-6])")


def jyutping_of(text: str) -> list[str]:
    """Jyutping with tone digits of each character, "" where it has none; as long as the text.

    Raises:
        MissingFrontEndError: ToJyutping is not installed.
    """
    require_package("ToJyutping", "Cantonese", "yue")
    import ToJyutping

    return [reading or "" for _, reading in ToJyutping.get_jyutping_list(text)]


def jyutping_symbols(jyutping: str) -> list[str]:
    """("Yzh", "Yong1") style symbols of one or several syllables; [] when it is no jyutping."""
    symbols: list[str] = []
    for syllable in jyutping.split():
        match = _SYLLABLE.fullmatch(syllable)
        if match is None:
            return []
        sounds, tone = match.groups()
        start = next((s for s in (*_INITIALS, *_BARE_VOWELS) if sounds.startswith(s)), None)
        if start is None:
            return []
        symbols += ["Y" + start, "Y" + (sounds[len(start) :] or start[-1]) + tone]
    return symbols


def cantonese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """Each character, Latin word and mark of a text with its phones."""
    return by_character(tokens, lambda han: [jyutping_symbols(read) for read in jyutping_of(han)])
