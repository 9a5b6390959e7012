"""Chinese characters to the initials and finals with tone of GPT-SoVITS's tables.

pypinyin picks the reading (phrase dictionary), `tone_sandhi` changes tones where words meet. The table spells
a syllable as two symbols, always: initial and final with its tone ("zhong1" -> zh ong1). Syllables without an
initial get AA, EE or OO from their first vowel; y and w are initials; after z c s the final i is i0, after zh
ch sh r it is ir. 儿 is read as a syllable of its own: the retroflex ending is not merged into the syllable
before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from models.frontend.text.characters import Token
from models.frontend.text.han import by_character
from models.frontend.text.tone_sandhi import Word, spoken_tones, words_of

_INITIALS = (
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c",
    "s", "y", "w",
)  # fmt: skip
_AFTER_Y = {"an": "En", "e": "E", "u": "v", "uan": "van", "ue": "ve", "un": "vn"}
_ROUNDED = {"u": "v", "uan": "van", "ue": "ve", "un": "vn"}
_CARRIERS = {"a": "AA", "e": "EE", "o": "OO"}
# Interjections that have no vowel (嗯, 呣) are said with the nearest syllable.
_VOWELLESS = {"n": "en", "ng": "en", "m": "en", "hm": "hen", "hng": "heng"}
# Neighbours of 儿 that make it a child: 女儿, 婴儿, 新生儿; 儿子, 儿童, 儿歌.
_CHILD_AFTER, _CHILD_BEFORE = frozenset("女男婴幼孤少胎健宠生小产患弃妻育血"), frozenset("子童女歌科媳孙")
# After these 得 is "to get", and not "must".
_AFTER_OBTAIN = frozenset("了到过出以知")
# Before it, inside a word: 获得, 取得, 难得.
_OBTAINING = frozenset("获取赢博夺求所心难不自应习购测录查分换")
_SYLLABLE = re.compile(r"([a-zê]+)([1-5])")


def pinyin_of(text: str) -> list[str]:
    """Pinyin with tone digits for each character of a stretch of Han characters: 你好 -> ni2 hao3.

    A character without a reading comes back as it is. The list is as long as the text.
    """
    from pypinyin import Style, lazy_pinyin

    each_itself: Any = list
    readings = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True, errors=each_itself)
    if len(readings) != len(text):
        return list(text)
    words = words_of(text)
    readings = _by_grammar(text, words, readings)
    tones = [reading[-1] if reading[-1] in "12345" else "" for reading in readings]
    said = spoken_tones(words, tones)
    return [reading[:-1] + tone if tone else reading for reading, tone in zip(readings, said, strict=True)]


def _by_grammar(text: str, words: Sequence[Word], readings: Sequence[str]) -> list[str]:
    """得 as "must" or before a complement, 地, 了 and 着 as particles, and 儿 as an ending."""
    found = list(readings)
    for before, word, after in zip((None, *words), words, (*words[1:], None), strict=False):
        if word.text == "得":
            found[word.start] = _obtain(text, before, word, readings)
        elif word.text == "地" and before is not None:
            if len(before.text) > 1 or (after is not None and after.kind[0] == "v"):
                found[word.start] = "de5"
        elif word.text in ("了", "着") and text[: word.start][-1:] not in ("", "不", "得"):
            found[word.start] = "le5" if word.text == "了" else "zhe5"
        elif len(word.text) == 3 and word.text[1] == "得" and word.kind[0] in "val":
            found[word.start + 1] = "de5"
        elif word.text[-1] == "得" and word.kind[0] == "v" and word.text[-2] not in _OBTAINING:
            found[word.end - 1] = "de5"
    for at in range(1, len(text)):
        is_child = text[at - 1] in _CHILD_AFTER or text[at + 1 : at + 2] in _CHILD_BEFORE
        if text[at] == "儿" and readings[at] == "er2" and not is_child:
            found[at] = "er5"
        if text[at] == "着" and text[at - 1] == "不":
            found[at] = "zhao2"
    return found


def _obtain(text: str, before: Word | None, word: Word, readings: Sequence[str]) -> str:
    following = text[word.end : word.end + 1]
    if following in _AFTER_OBTAIN:
        return readings[word.start]
    must = following and (before is None or before.kind[0] in "rd")
    return "dei3" if must else "de5"


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
