"""The text of a long recording, shared out over the pieces that it is cut into.

Pieces are cut in pauses, and people pause at marks and speak at a steady rate: the cheapest path gives every
piece words for about as long as it is spoken, and prefers to end at a mark. The lengths are compared as
sentences of translations are (Gale and Church, Computational Linguistics 19, 1993), with seconds of speech
for the letters of the other language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.language import spoken_length

_VARIANCE = 3.0
"""Of the letters that are spoken in a time, as a multiple of their number."""
_BOUNDARY_COST = {"sentence": 0.0, "clause": 0.5, "word": 4.0}
_SENTENCE_ENDS = frozenset(".!?…。！？")
_CLAUSE_ENDS = frozenset(",;:—–，；：、")
_CLOSING = "\"'”’»)]」』"
_UNSPACED_SHARE = 0.5
_FEWEST_IN_REACH = 60
_REACH_SHARE = 0.15
_NEIGHBOURS = 12
_STRAY_COST = 0.25


class Share(NamedTuple):
    """The words of one piece, and as many as twelve of those that come before and after them."""

    before: str
    text: str
    after: str


def share_text(text: str, speech_s: Sequence[float]) -> list[Share]:
    """The words of each piece, in order; all words are given out, and some pieces may get none.

    Without marks the edges are right to a word or three; see `refit`.

    Args:
        text: What is said in the whole recording.
        speech_s: Seconds of speech of each piece, at least one.
    """
    units = _units(text)
    if not units:
        return [Share("", "", "")] * len(speech_s)
    weights = np.array([max(1, _weight(unit)) for unit in units], dtype=np.float64)
    at = np.concatenate([[0.0], np.cumsum(weights)])
    rate = at[-1] / max(sum(speech_s), 1e-6)
    ends = _cheapest_ends(at, np.array([_cost(unit) for unit in units]), rate * np.array(speech_s))
    return [
        Share(
            "".join(units[max(0, a - _NEIGHBOURS) : a]).strip(),
            "".join(units[a:b]).strip(),
            "".join(units[b : b + _NEIGHBOURS]).strip(),
        )
        for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]


def refit(share: Share, heard: str) -> str:
    """The words of a piece as a recogniser's words place them, among its own and its neighbours'.

    The stretch of the written words that has the fewest edits (Levenshtein) to the heard ones; every word
    that its edges leave the first guess costs a quarter of an edit. A text's first and last word stay where
    they are.
    """
    parts = [_units(part) for part in share]
    units = [unit for part in parts for unit in part]
    first, last = len(parts[0]), len(parts[0]) + len(parts[1])
    spelled = [_bare(unit) for unit in units]
    said = [word for unit in _units(heard) if (word := _bare(unit))]
    begins = ends = np.arange(len(units) + 1)
    last_begin = len(units) if parts[0] else 0
    price = np.where(begins <= last_begin, _STRAY_COST * np.abs(begins - first), np.inf)
    for word in said:
        price, begins = _next_row(word, spelled, price, begins)
    end = int(np.argmin(price + _STRAY_COST * np.abs(ends - last))) if parts[2] else len(units)
    return "".join(units[begins[end] : end]).strip()


def _next_row(
    word: str, spelled: Sequence[str], price: NDArray[np.float64], begins: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Prices of the written words up to each place with one more heard, and where their stretches begin."""
    next_price, next_begins = price + 1.0, begins.copy()
    for at, written in enumerate(spelled):
        for cost, begin in (
            (price[at] + (written != word), begins[at]),
            (next_price[at] + 1.0, next_begins[at]),
        ):
            if cost < next_price[at + 1]:
                next_price[at + 1], next_begins[at + 1] = cost, begin
    return next_price, next_begins


def _cheapest_ends(
    at: NDArray[np.float64], cost: NDArray[np.float64], wanted: NDArray[np.float64]
) -> list[int]:
    """For each piece how many units are given out with it.

    Args:
        at: `[N + 1]` letters before each unit.
        cost: `[N]` of a piece's end after each unit.
        wanted: `[P]` letters that each piece has time for.
    """
    n_units, expected = len(cost), np.cumsum(wanted)
    reach = max(_FEWEST_IN_REACH, round(_REACH_SHARE * n_units))
    # A piece's end is looked for around the unit that its time would give.
    middles = np.searchsorted(at, expected)
    lows = np.clip(middles - reach, 0, n_units)
    highs = np.clip(middles + reach, 0, n_units)
    highs[-1], lows[-1] = n_units, n_units
    before, best = np.array([0]), np.array([0.0])
    chosen: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for piece, (low, high) in enumerate(zip(lows, highs, strict=True)):
        ends = np.arange(low, high + 1)
        letters = at[ends][:, None] - at[before][None, :]
        price = (letters - wanted[piece]) ** 2 / (_VARIANCE * max(wanted[piece], 1.0))
        total = np.where(letters >= 0, price + best[None, :], np.inf)
        come_from = total.argmin(1)
        edge = np.where((ends > 0) & (ends < n_units), cost[np.maximum(ends, 1) - 1], 0.0)
        best = total[np.arange(len(ends)), come_from] + edge
        chosen.append((ends, before[come_from]))
        before = ends
    path = [n_units]
    for ends, previous in reversed(chosen[1:]):
        path.append(int(previous[path[-1] - ends[0]]))
    return path[::-1]


def _units(text: str) -> list[str]:
    """Words with what follows them up to the next; characters, where a script has no spaces."""
    words = [f"{word} " for word in text.split()]
    longest = max((len(word) for word in words), default=0)
    if longest > _UNSPACED_SHARE * len(text) / max(1, len(words)) and _weight(text) > 1.5 * len(text):
        return _characters(text)
    return words


def _bare(unit: str) -> str:
    return "".join(character for character in unit.casefold() if character.isalnum())


def _characters(text: str) -> list[str]:
    units: list[str] = []
    for character in text:
        if units and not character.isalnum():
            units[-1] += character
        else:
            units.append(character)
    return units


def _weight(unit: str) -> int:
    """About how many letters a unit is spoken as."""
    return spoken_length(unit) + 4 * sum(character.isdigit() for character in unit)


def _cost(unit: str) -> float:
    last = unit.rstrip().rstrip(_CLOSING)[-1:]
    kind = "sentence" if last in _SENTENCE_ENDS else "clause" if last in _CLAUSE_ENDS else "word"
    return _BOUNDARY_COST[kind]
