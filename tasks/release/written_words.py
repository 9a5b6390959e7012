"""Which of the words that were read belong to which words that were written: "23" to "twenty three"."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from tasks.release.speech_times import TimedPhone, TimedWord

# Characters that are words by themselves where no space parts words.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


class WrittenWord(NamedTuple):
    """Words of a text that were said together.

    Attributes:
        first, last: Where in the text they begin and end.
        said: As read.
        start, end: First sample, and the one after the last.
        phones: Of all of them.
    """

    first: int
    last: int
    said: tuple[str, ...]
    start: int
    end: int
    phones: tuple[TimedPhone, ...]


class _Unit(NamedTuple):
    """Part of a word that may be found on both sides."""

    key: str
    owner: int


def written_words(text: str, words: Sequence[TimedWord]) -> list[WrittenWord]:
    """The words of a text with the times of those that were read for them.

    Words that are written as they are read are told apart; what lies between two of them belongs together.
    Every word that was read belongs to one that was written.

    Args:
        text: As written.
        words: As read, in order.
    """
    places = [found.span() for found in _UNIT.finditer(text) if _key(found.group())]
    if not places or not words:
        return []
    written = [_Unit(_key(text[first:last]), at) for at, (first, last) in enumerate(places)]
    read = [
        _Unit(key, at) for at, word in enumerate(words) for key in map(_key, _UNIT.findall(word.text)) if key
    ]
    cuts = _cuts(written, read, len(places), len(words))
    return [_together(places[a:c], words[b:d]) for (a, b), (c, d) in itertools.pairwise(cuts)]


def _cuts(
    written: Sequence[_Unit], read: Sequence[_Unit], n_written: int, n_read: int
) -> list[tuple[int, int]]:
    """Where both sides can be cut: before a word that they share, or behind it; strictly rising on both."""
    matcher = difflib.SequenceMatcher(
        None, [unit.key for unit in written], [unit.key for unit in read], False
    )
    wanted = list[tuple[int, int]]()
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            at, one = block.b + step, written[block.a + step].owner
            other = read[at].owner
            if at == 0 or read[at - 1].owner != other:
                wanted.append((one, other))
            if at + 1 == len(read) or read[at + 1].owner != other:
                wanted.append((one + 1, other + 1))
    cuts = [(0, 0)]
    for one, other in sorted(wanted):
        if one > cuts[-1][0] and other > cuts[-1][1] and one < n_written and other < n_read:
            cuts.append((one, other))
    return [*cuts, (n_written, n_read)]


def _together(places: Sequence[tuple[int, int]], words: Sequence[TimedWord]) -> WrittenWord:
    return WrittenWord(
        places[0][0],
        places[-1][1],
        tuple(word.text for word in words),
        words[0].start,
        words[-1].end,
        tuple(phone for word in words for phone in word.phones),
    )


def _key(text: str) -> str:
    """Letters and digits, whatever their case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum() or unicodedata.category(one)[0] == "M")
