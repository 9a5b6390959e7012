"""How the tones of Mandarin change where syllables meet: 不, 一, light syllables, third tones.

The changes belong to words and to short feet of words, so the text is cut into words first (rjieba, jieba's
dictionary). A foot is one word, or two neighbours of at most three syllables whose third tones meet; beyond
it a third tone keeps its tone, as in the labels that the published GPT-SoVITS weights were trained with.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

READS_FILES = ("tables/neutral_zh.json",)
"""Words whose last syllable is light: those that the Putonghua test asks for, and some more."""

_MAX_FOOT = 3
_NUMERALS = frozenset("零〇一二三四五六七八九十百千万亿")
_DIGITS = frozenset("零〇一二三四五六七八九")
# 一 keeps its tone before these, where it is a number of order: 一月, 一号, 一楼, 一等奖, 一年级.
_AFTER_FIRST = ("月", "号", "楼", "等奖", "年级")
# Words that end in 一 and go on with what is counted: 这一天. Others keep its tone: 统一, 唯一, 星期一.
_BEFORE_ONE = frozenset("这那哪每有某另同")
_BEFORE_MEASURE = _NUMERALS | frozenset("几两半多各整每这那哪做是好")
_PARTICLES = frozenset("的吧吗呢呐啊呀哇嘛啦哦哟喽噻喔")
_DIRECTIONS = frozenset("上下进出回过起开")
# 子 is a seed, a particle or a person here, and not an ending.
_FULL_ZI_AFTER = frozenset("男女分原电质中量离光粒因孔孟庄墨君弟学才王太公父母游浪赤亲天莲石瓜棋卵精孢算臣鱼")
# Said twice to mean each of them.
_EACH = frozenset("人天年月日家处时事种样个件条步层代")


class Word(NamedTuple):
    """A word of a text, its part of speech (jieba's), and where it begins."""

    text: str
    kind: str
    start: int

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + len(self.text)


def words_of(text: str) -> list[Word]:
    """A stretch of Han characters cut into words of the dictionary."""
    import rjieba

    found: list[Word] = []
    for word, kind in rjieba.tag(text, hmm=False):
        found.append(Word(word, kind, found[-1].end if found else 0))
    return found


def spoken_tones(words: Sequence[Word], tones: Sequence[str]) -> list[str]:
    """Tones as they are said.

    Args:
        words: All words of a stretch of Han characters.
        tones: "1" to "5" (light) of each of its characters, as the dictionary has them; "" without a reading.
    """
    text = "".join(word.text for word in words)
    said = list(tones)
    for before, word, after in zip((None, *words), words, (*words[1:], None), strict=False):
        _lighten(before, word, after, said)
        for at in range(word.start, word.end):
            # The dictionary has some phrases with these two as they are said there alone.
            if text[at] == "不" and tones[at] != "5":
                said[at] = _bu(text, at, word, tones)
            elif text[at] == "一":
                said[at] = _yi(text, at, word, tones)
            elif text[at] == "子" and at > word.start and text[at - 1] in _FULL_ZI_AFTER:
                said[at] = "3"
    for foot in _feet(words, tones):
        _change_third(foot, said)
    return said


def _bu(text: str, at: int, word: Word, tones: Sequence[str]) -> str:
    following = tones[at + 1] if at + 1 < len(text) else ""
    asks = 0 < at < len(text) - 1 and text[at - 1] == text[at + 1]
    inside = len(word.text) == 3 and at == word.start + 1
    if asks or inside:
        return "5"
    return "2" if following == "4" else "4"


def _yi(text: str, at: int, word: Word, tones: Sequence[str]) -> str:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not after or before in ("第", "初", "之") or after in _DIGITS or before in _DIGITS:
        return "1"
    if before and before == after and text[at - 2 : at - 1] != "一":
        return "5"
    if before in _NUMERALS and after not in ("百", "千", "万", "亿"):
        return "1"
    if before == "点" and text[at - 2 : at - 1] in _NUMERALS and after != "刻":
        return "1"
    if text.startswith(_AFTER_FIRST, at + 1) or (before == "月" and after == "日"):
        return "1"
    if at == word.end - 1 and len(word.text) > 1 and before not in _BEFORE_ONE:
        return "1"
    return "2" if tones[at + 1] in ("4", "5") else "4"


def _lighten(before: Word | None, word: Word, after: Word | None, said: list[str]) -> None:
    """Endings, particles, the second half of what is said twice, and words of the list."""
    last = word.end - 1
    if not said[last]:
        return
    if len(word.text) == 1:
        if word.text in _PARTICLES or _is_light_between(before, word.text, after):
            said[last] = "5"
        return
    if _ends_light(word):
        if _is_doubled(word.text) and word.kind[0] == "v" and said[last] == "3":
            said[word.start] = "2"  # 想想, but 奶奶
        said[last] = "5"
    measure = word.text.find("个")
    if measure > 0 and word.text[measure - 1] in _BEFORE_MEASURE:
        said[word.start + measure] = "5"


def _is_light_between(before: Word | None, word: str, after: Word | None) -> bool:
    """A measure, an experience (去过), or a place (桌子上; before a noun 上 is a verb)."""
    if word == "个" or before is None:
        return word == "个"
    if word == "过":
        return before.kind[0] == "v"
    if word in "来去":
        return before.kind[0] == "v" and before.text[-1] in _DIRECTIONS
    return word in "上里" and before.kind[0] == "n" and not (after is not None and after.kind[0] == "n")


def _is_doubled(word: str) -> bool:
    return len(word) == 2 and word[0] == word[1]


def _ends_light(word: Word) -> bool:
    text, pair = word.text, word.text[-2:]
    if text in _light_words() or (len(text) > 2 and pair in _light_words()):
        return True
    if text[-1] == "们":
        return True
    if text[-1] == "子":
        return text[-2] not in _FULL_ZI_AFTER and word.kind[0] in "nr"
    if text[-1] == "地":
        return len(text) > 2 and text[-2] == text[-3]
    if text[-1] in "上下里":
        return word.kind[0] in "sfl"
    if text[-1] in "来去":
        return text[-2] in _DIRECTIONS
    return _is_doubled(text) and word.kind[0] in "nv" and text[0] not in _EACH


def _feet(words: Sequence[Word], tones: Sequence[str]) -> list[list[Word]]:
    """Words that change each other's third tones.

    Neighbours that hold nothing else are joined first, then those whose third tones meet at the border.
    """
    feet: list[list[Word]] = []
    for word in words:
        # 不 and 一 lean on the word after them.
        if feet and feet[-1][-1].text in ("不", "一") and len(feet[-1]) == 1:
            feet[-1].append(word)
        else:
            feet.append([word])
    for only in (True, False):
        joined: list[list[Word]] = []
        was_joined = False
        for foot in feet:
            may_join = bool(joined) and not was_joined and _meet(joined[-1], foot, tones, only)
            if may_join:
                joined[-1] = joined[-1] + foot
            else:
                joined.append(foot)
            was_joined = may_join
        feet = joined
    return feet


def _meet(first: list[Word], second: list[Word], tones: Sequence[str], only: bool) -> bool:
    start, border, end = first[0].start, second[0].start, second[-1].end
    if end - start > _MAX_FOOT or (len(first) == 1 and _is_doubled(first[0].text)):
        return False
    return all(tone == "3" for tone in (tones[start:end] if only else tones[border - 1 : border + 1]))


def _change_third(foot: Sequence[Word], said: list[str]) -> None:
    """Third before third becomes second: inside the parts of a word, then where parts meet."""
    parts = [part for word in foot for part in _parts(word)]
    for start, end in parts:
        if end - start == 2 and said[start] == said[start + 1] == "3":
            said[start] = "2"
    if parts[-1][1] - parts[0][0] > _MAX_FOOT:
        return
    # From the end: 水 很浅 and 请 给我 are one and two.
    for _, border in reversed(parts[:-1]):
        if said[border - 1] == said[border] == "3":
            said[border - 1] = "2"


def _parts(word: Word) -> list[tuple[int, int]]:
    """Where the parts of a long word begin and end: 展览|馆, 纸|老虎, 千里|马."""
    length = len(word.text)
    if length < 3:
        return [(word.start, word.end)]
    if length == 3:
        import rjieba

        inner = [part for part in rjieba.cut_for_search(word.text, hmm=False) if len(part) == 2]
        cut = 1 if inner and word.text.endswith(inner[0]) else 2
        return [(word.start, word.start + cut), (word.start + cut, word.end)]
    return [(at, min(at + 2, word.end)) for at in range(word.start, word.end, 2)]


@functools.lru_cache(maxsize=1)
def _light_words() -> frozenset[str]:
    source = resources.files(__package__).joinpath("tables", "neutral_zh.json")
    rows: list[str] = json.loads(source.read_text(encoding="utf-8"))
    return frozenset(word for row in rows for word in row.split())
