"""Which stretch of a clause's reading belongs to which word, where a reader joins or splits words.

espeak reads "it was a nice day" in four groups ("was a" is one of them) and "世界" in two. What each word is
alone tells where its part lies: its weak form shares most sounds with it, and sounds of one kind stand for
each other in the rest.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.frontend.text.symbols import VOWELS

Costs = NDArray[np.int64]

# Of one phone: spoken as it is alone; with other stress or length; as another sound of its kind ("a", ɐ for
# eɪ); as a sound of the other kind, which costs more than one phone too many and one too few.
_SAME, _OTHER_STRESS, _OTHER_VOWEL, _OTHER_CONSONANT, _OTHER_KIND = 0, 1, 4, 6, 20
_ADDED = _LEFT_OUT = 5
# Where a word ends and a group does not, or the other way round.
_ACROSS = 5
_NEVER = 1 << 40
MAX_PAIRS = 4_000_000
"""Phones of the words alone times those of the clause; signs that espeak names one by one have more."""


def word_spans(alone: Sequence[Sequence[str]], groups: Sequence[Sequence[str]]) -> list[int] | None:
    """How many phones of the groups, which are one clause, each word has; they add up to all of them.

    Args:
        alone: Phones of each word by itself; a word without any may have none in the clause either.
        groups: Phones of the clause, in the groups in which the reader gave them.

    Returns:
        Counts in the order of the words, at least 1 for each that has phones alone; None where the clause
        has too few for that, or more than can be aligned in a moment (MAX_PAIRS).
    """
    spoken = [phone for group in groups for phone in group]
    if len(alone) == 1 and spoken:
        return [len(spoken)]
    if sum(len(phones) for phones in alone) * len(spoken) > MAX_PAIRS:
        return None
    costs = {phone: _costs(phone, spoken) for phones in alone for phone in phones}
    edges = np.cumsum([0, *(len(group) for group in groups)])
    is_edge = np.zeros(len(spoken) + 1, bool)
    is_edge[edges] = True
    columns = _Columns(is_edge)
    # ends[n]: least cost of the words so far if they have the first n phones.
    ends = np.where(np.arange(len(spoken) + 1) == 0, 0, _NEVER)
    starts: list[Costs] = []
    for phones in alone:
        ends, start = columns.after_word(ends, [costs[phone] for phone in phones])
        starts.append(start)
    if ends[-1] >= _NEVER:
        return None
    counts: list[int] = []
    end = len(spoken)
    for start in reversed(starts):
        counts.append(end - int(start[end]))
        end -= counts[-1]
    return counts[::-1]


class _Columns:
    """Alignment over places between the clause's phones, whole columns at a time.

    A number holds two: cost * scale - place where the word began. The least of them is of the least cost, and
    of these the one of the word that begins last, so that a linking sound stays with the word before.
    """

    def __init__(self, is_edge: NDArray[np.bool_]) -> None:
        self._places = np.arange(len(is_edge))
        self._scale = len(is_edge)
        self._unended = _ACROSS * ~is_edge
        # Of the phone before a place, inside a word: it may be the first of a group.
        self._crossing = self._scale * _ACROSS * np.concatenate([[0], is_edge[:-1]])
        self._adding = np.cumsum(self._crossing + self._scale * _ADDED)

    def after_word(self, ends: Costs, costs: list[Costs]) -> tuple[Costs, Costs]:
        """`ends` after one more word, and the place where it begins for each place where it ends.

        costs: for each of its phones alone, what each phone of the clause costs in its place.
        """
        silent = ends * self._scale - self._places
        spoken = self._with_added(_later(silent) + self._scale * _ADDED)
        for cost in costs:
            here = np.minimum(_later(silent), _later(spoken) + self._crossing)
            here[1:] += self._scale * cost
            silent = silent + self._scale * _LEFT_OUT
            added = _later(silent) + self._scale * _ADDED
            left_out = spoken + self._scale * _LEFT_OUT
            spoken = self._with_added(np.minimum(np.minimum(here, added), left_out))
        spoken = spoken + self._scale * self._unended
        best = spoken if costs else np.minimum(spoken, silent)
        total = -(-best // self._scale)
        return np.minimum(total, _NEVER), total * self._scale - best

    def _with_added(self, reached: Costs) -> Costs:
        """The same if any number of the clause's phones may follow that are none of the word's own."""
        found: Costs = np.minimum.accumulate(reached - self._adding) + self._adding
        return found


def _later(costs: Costs) -> Costs:
    """One phone further on."""
    return np.concatenate([[_NEVER * len(costs)], costs[:-1]])


def _costs(phone: str, spoken: Sequence[str]) -> Costs:
    return np.array([_cost(phone, other) for other in spoken], np.int64)


@functools.lru_cache(maxsize=65_536)
def _cost(alone: str, spoken: str) -> int:
    if alone == spoken:
        return _SAME
    letters, others = _letters(alone), _letters(spoken)
    if letters == others:
        return _OTHER_STRESS
    is_vowel = letters[:1] in VOWELS
    if is_vowel != (others[:1] in VOWELS):
        return _OTHER_KIND
    return _OTHER_VOWEL if is_vowel else _OTHER_CONSONANT


@functools.lru_cache(maxsize=4096)
def _letters(phone: str) -> str:
    """Without stress, length, tone and what else is no letter."""
    return "".join(
        character
        for character in unicodedata.normalize("NFD", phone)
        if unicodedata.category(character) in ("Ll", "Lu", "Lo")
    )
