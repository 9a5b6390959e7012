"""How much each clip of a corpus is to be doubted, and why: measures in, words out."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from artifacts.manifest import Reject
from models.speaker.centroid import spread

FEWEST_TO_COMPARE = 8
TELLING_DEVIATIONS = 2.5
TELLING_ERRORS = 0.2
_REFUSED, _BY_HAND = 100.0, -1.0
_PER_ERROR, _PER_DOUBT = 8.0, 4.0
"""A clip of which a recogniser mishears every word, or is not sure at all, counts as so many deviations."""


class Measured(NamedTuple):
    """What is known of one clip; None where it is not.

    Attributes:
        aligner: Scores compare only within one.
        recognised: Confidence of the recogniser that wrote the text; None of a text that was given.
        refusal: Why the voice does not learn from it.
        is_dropped: By hand.
    """

    clip: str
    aligner: str = ""
    alignment_score: float | None = None
    word_error_rate: float | None = None
    recognised: float | None = None
    speaker: str = ""
    speaker_similarity: float | None = None
    refusal: Reject | None = None
    is_dropped: bool = False


class Doubt(NamedTuple):
    """How much, in deviations from what is usual here, and why."""

    amount: float
    reasons: tuple[str, ...]


class Word(NamedTuple):
    """A word that was heard, and whether the text has it there."""

    text: str
    is_new: bool


def doubts(clips: Sequence[Measured]) -> dict[str, Doubt]:
    """By clip: refused ones first, then by the measure that is farthest off; those dropped by hand last."""
    aligned = _below({c.clip: (c.aligner, c.alignment_score) for c in clips})
    alike = _below({c.clip: (c.speaker, c.speaker_similarity) for c in clips})
    return {clip.clip: _doubt(clip, aligned.get(clip.clip, 0.0), alike.get(clip.clip, 0.0)) for clip in clips}


def _doubt(clip: Measured, badly_aligned: float, unlike: float) -> Doubt:
    if clip.is_dropped:
        return Doubt(_BY_HAND, ("dropped by you",))
    found: list[tuple[float, str]] = []
    if clip.refusal is not None:
        why = f"refused: {clip.refusal.field} = {clip.refusal.value}, {clip.refusal.reason}"
        found.append((_REFUSED, why))
    if clip.word_error_rate is not None:
        said = f"a recogniser hears {clip.word_error_rate:.0%} of the words otherwise"
        found.append(
            (_PER_ERROR * clip.word_error_rate, said if clip.word_error_rate >= TELLING_ERRORS else "")
        )
    if clip.recognised is not None:
        said = f"nobody wrote its text: recognised, confidence {clip.recognised:.2f}"
        found.append((_PER_DOUBT * (1 - clip.recognised), said))
    for amount, what in (
        (badly_aligned, "text and sound fit worse than usual here"),
        (unlike, "sounds less like the speaker than usual"),
    ):
        found.append((amount, f"{what} ({amount:.1f} deviations)" if amount >= TELLING_DEVIATIONS else ""))
    return Doubt(
        max(amount for amount, _ in found), tuple(why for _, why in sorted(found, reverse=True) if why)
    )


def _below(values: Mapping[str, tuple[str, float | None]]) -> dict[str, float]:
    """Clip -> robust deviations below the median of its group, 0 above it; nothing of small groups."""
    groups: dict[str, list[float]] = defaultdict(list)
    for group, value in values.values():
        if value is not None and np.isfinite(value):
            groups[group].append(value)
    usual = {name: spread(np.array(own)) for name, own in groups.items() if len(own) >= FEWEST_TO_COMPARE}
    return {
        clip: max(0.0, (usual[group].median - value) / max(usual[group].sigma, 1e-6))
        for clip, (group, value) in values.items()
        if value is not None and np.isfinite(value) and group in usual
    }


def heard_beside(text: str, heard: str) -> list[Word]:
    """What was heard, word by word, with those that the text does not have."""
    words = heard.split()
    ours, theirs = ([_plain(word) for word in line.split()] for line in (text, heard))
    same = {
        at
        for block in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
        for at in range(block.b, block.b + block.size)
    }
    return [Word(word, at not in same) for at, word in enumerate(words)]


def _plain(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
