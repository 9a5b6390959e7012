"""Chinese characters to the initials and finals with tone of GPT-SoVITS's tables.

pypinyin picks the reading (phrase dictionary) and applies the regular tone changes: third tone before third
tone, and 一 and 不. The table spells a syllable as two symbols, always: initial and final with its tone
("zhong1" -> zh ong1). Syllables without an initial get AA, EE or OO from their first vowel; after z c s the
final i is i0, after zh ch sh r it is ir. 儿 is read as a syllable of its own: the retroflex ending is not
merged into the syllable before it.
"""

from __future__ import annotations

import re
from typing import Any

from models.frontend.text.characters import Token
from models.frontend.text.han import by_character

_INITIALS = (
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c",
    "s", "y", "w",
)  # fmt: skip
_AFTER_Y = {
    "a": "ia", "an": "ian", "ang": "iang", "ao": "iao", "e": "ie", "i": "i", "in": "in", "ing": "ing",
    "o": "o", "ong": "iong", "ou": "iu", "u": "v", "uan": "van", "ue": "ve", "un": "vn", "ai": "ai",
}  # fmt: skip
_AFTER_W = {
    "a": "ua", "ai": "uai", "an": "uan", "ang": "uang", "ei": "ui", "en": "un", "eng": "eng", "o": "uo",
    "u": "u",
}  # fmt: skip
_ROUNDED = {"u": "v", "uan": "van", "ue": "ve", "un": "vn"}
_CARRIERS = {"a": "AA", "e": "EE", "o": "OO"}
# Interjections that have no vowel (嗯, 呣) are said with the nearest syllable.
_VOWELLESS = {"n": "en", "ng": "en", "m": "en", "hm": "hen", "hng": "heng"}
# Neighbours of 儿 that make it a child: 女儿, 婴儿, 新生儿; 儿子, 儿童, 儿歌.
_CHILD_AFTER, _CHILD_BEFORE = frozenset("女男婴幼孤少胎健宠生小产患弃妻育血"), frozenset("子童女歌科媳孙")
_SYLLABLE = re.compile(r"([a-zê]+)([1-5])")


def pinyin_of(text: str) -> list[str]:
    """Pinyin with tone digits for each character of a stretch of Han characters: 你好 -> ni2 hao3.

    A character without a reading comes back as it is. The list is as long as the text.
    """
    from pypinyin import Style, lazy_pinyin

    each_itself: Any = list
    readings = lazy_pinyin(
        text,
        style=Style.TONE3,
        neutral_tone_with_five=True,
        tone_sandhi=True,
        errors=each_itself,
    )
    return _with_particles(text, readings) if len(readings) == len(text) else list(text)


def _with_particles(text: str, readings: list[str]) -> list[str]:
    """Toneless where a character is an ending or a particle and the dictionary reads it in full."""
    from pypinyin.seg.mmseg import seg

    toneless = list(readings)
    start = 0
    for word in seg.cut(text):
        if word == "得" and start > 0 and readings[start] == "de2":
            toneless[start] = "de5"
        start += len(word)
    for at in range(1, len(text)):
        is_child = text[at - 1] in _CHILD_AFTER or text[at + 1 : at + 2] in _CHILD_BEFORE
        if text[at] == "儿" and readings[at] == "er2" and not is_child:
            toneless[at] = "er5"
    return toneless


def syllable_symbols(pinyin: str) -> tuple[str, str] | None:
    """("zh", "ong1") for "zhong1"; None when it is not a syllable of Mandarin."""
    match = _SYLLABLE.fullmatch(pinyin.replace("ü", "v"))
    if match is None:
        return None
    syllable, tone = _VOWELLESS.get(match[1], match[1]), match[2]
    if syllable == "ê":
        return "EE", "E" + tone
    initial = next((start for start in _INITIALS if syllable.startswith(start)), "")
    final = syllable[len(initial) :]
    if not initial:
        carrier = _CARRIERS.get(syllable[0])
        return (carrier, final + tone) if carrier else None
    if initial == "y":
        final = _AFTER_Y.get(final, final)
    elif initial == "w":
        final = _AFTER_W.get(final, final)
    elif initial in ("j", "q", "x"):
        final = _ROUNDED.get(final, final)
    elif final == "i" and initial in ("z", "c", "s"):
        final = "i0"
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "ir"
    elif final == "ue" and initial in ("l", "n"):
        final = "ve"
    return (initial, final + tone) if final else None


def chinese_tokens(tokens: list[Token]) -> list[tuple[str, list[str]]]:
    """Each character, Latin word and mark of a text with its phones."""
    return by_character(tokens, lambda han: [list(syllable_symbols(read) or ()) for read in pinyin_of(han)])
