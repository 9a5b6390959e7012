"""What an alignment is, which phone labels are pauses, and why an alignment is refused."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Labels of pauses in the symbol tables we know, beside punctuation marks (GPT-SoVITS: SP, SP2, SP3).
PAUSE_LABELS = frozenset({"", "SP", "SP2", "SP3", "SIL", "sil", "sp", "pau", "<eps>", "_"})


@dataclass(frozen=True)
class Interval:
    """A stretch of time with a label.

    start_s, end_s: seconds, 0 <= start_s <= end_s; a mark that was not heard has zero length.
    score: mean log-likelihood per frame on the backend's own scale, NaN where the backend has none.
    word: index of the word it belongs to, -1 for silence that belongs to none.
    """

    label: str
    start_s: float
    end_s: float
    score: float = float("nan")
    word: int = -1

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Alignment:
    """One interval for every phone and every word that was given, in order.

    Time between two phones that no phone claims is silence (`tiled` makes it explicit).
    score: mean log-likelihood per frame of the spoken phones, backend's own scale.
    loud_silence_ratio: share of the time labelled silence that is as loud as speech, 0-1.
    match: how much better the text fits than its own phones in other orders: 0 not at all, 1 perfectly, NaN
    where the backend does not measure it.
    """

    phones: tuple[Interval, ...]
    words: tuple[Interval, ...]
    score: float
    loud_silence_ratio: float
    backend: str
    backend_version: str
    match: float = float("nan")


class AlignError(Exception):
    """A clip that cannot be aligned, or an alignment that must not be believed.

    code: align_failed (no path, broken input), text_mismatch (the text is not what is spoken) or
    rate_outlier (more phones than anyone speaks in that time). `field`, `value`, `remedy`: what to mend.
    """

    def __init__(self, code: str, field: str, value: str, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} ({field} = {value}): {remedy}")
        self.code = code
        self.field = field
        self.value = value
        self.reason = reason
        self.remedy = remedy


def is_pause(label: str) -> bool:
    """Whether a phone label stands for a pause: punctuation (",", "…") or a silence symbol."""
    return label in PAUSE_LABELS or not any(_carries_sound(char) for char in label)


def is_modifier(label: str) -> bool:
    """Whether a label only colours its neighbour (stress, length and tone marks on their own)."""
    categories = {unicodedata.category(char) for char in label}
    return not is_pause(label) and categories <= {"Lm", "Mn", "Sk", "Nd"}


def _carries_sound(char: str) -> bool:
    return unicodedata.category(char)[0] in {"L", "N"} or unicodedata.category(char) in {"Mn", "Sk"}


@dataclass(frozen=True)
class Transcript:
    """Words and phones, split into what is spoken and what is a mark.

    labels: every phone in order; word_of: word index of every phone; spoken: indices into `labels` of the
    phones that have sound of their own.
    """

    words: tuple[str, ...]
    labels: tuple[str, ...]
    word_of: tuple[int, ...]
    spoken: tuple[int, ...]

    @property
    def spoken_labels(self) -> list[str]:
        return [self.labels[index] for index in self.spoken]

    @property
    def word_ends(self) -> list[bool]:
        """For each spoken phone: whether the next spoken phone is in another word (or none follows)."""
        owners = [self.word_of[index] for index in self.spoken]
        return [a != b for a, b in zip(owners, [*owners[1:], None], strict=True)]


def read_transcript(words: Sequence[str], phones_per_word: Sequence[Sequence[str]]) -> Transcript:
    """Checks and indexes the phones of a clip.

    Raises AlignError(align_failed) when nothing is spoken, ValueError when the lengths differ.
    """
    if len(words) != len(phones_per_word):
        raise ValueError(f"{len(words)} words, but phones for {len(phones_per_word)}")
    labels = tuple(label for phones in phones_per_word for label in phones)
    word_of = tuple(index for index, phones in enumerate(phones_per_word) for _ in phones)
    spoken = tuple(
        index for index, label in enumerate(labels) if not is_pause(label) and not is_modifier(label)
    )
    if not spoken:
        raise AlignError(
            "align_failed",
            "phones",
            " ".join(labels) or "(none)",
            "the text holds nothing that is spoken",
            "give the recording's words as text",
        )
    return Transcript(tuple(words), labels, word_of, spoken)


def assemble(
    transcript: Transcript,
    starts_s: NDArray[np.floating[Any]],
    ends_s: NDArray[np.floating[Any]],
    scores: NDArray[np.floating[Any]],
    duration_s: float,
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """Phone and word intervals from the spoken phones' times.

    starts_s, ends_s, scores: [n_spoken]; start_s[i + 1] >= end_s[i]; what lies between is silence. A run
    of marks between two spoken phones shares that silence: its first pause mark gets all, the others none.
    """
    times: list[tuple[float, float, float]] = [(0.0, 0.0, float("nan"))] * len(transcript.labels)
    for position, index in enumerate(transcript.spoken):
        times[index] = (
            float(np.clip(starts_s[position], 0.0, duration_s)),
            float(np.clip(ends_s[position], 0.0, duration_s)),
            float(scores[position]),
        )
    borders = [-1, *transcript.spoken, len(transcript.labels)]
    for left, right in itertools.pairwise(borders):
        gap_start = times[left][1] if left >= 0 else 0.0
        gap_end = times[right][0] if right < len(times) else duration_s
        marks = range(left + 1, right)
        # The first pause mark gets the pause; without one, marks that open a word go with what follows.
        turn = next((i for i in marks if is_pause(transcript.labels[i])), None)
        if turn is not None:
            times[turn] = (gap_start, gap_end, float("nan"))
        else:
            turn = next((i for i in marks if not _leans_left(transcript, i)), right)
        for index in marks:
            if index != turn or not is_pause(transcript.labels[index]):
                edge = gap_start if index < turn else gap_end
                times[index] = (edge, edge, float("nan"))
    phones = tuple(
        Interval(label, start, end, score, word)
        for label, (start, end, score), word in zip(transcript.labels, times, transcript.word_of, strict=True)
    )
    return phones, _word_intervals(transcript.words, phones)


def _leans_left(transcript: Transcript, index: int) -> bool:
    """A modifier inside a word stays with what is before it, one that opens a word with what follows."""
    return index > 0 and transcript.word_of[index - 1] == transcript.word_of[index]


def _word_intervals(words: Sequence[str], phones: Sequence[Interval]) -> tuple[Interval, ...]:
    members: list[list[Interval]] = [[] for _ in words]
    for phone in phones:
        members[phone.word].append(phone)
    intervals = []
    clock = 0.0
    for index, (label, own) in enumerate(zip(words, members, strict=True)):
        start, end = (own[0].start_s, own[-1].end_s) if own else (clock, clock)
        frames = np.array([p.duration_s for p in own if not np.isnan(p.score)])
        scores = np.array([p.score for p in own if not np.isnan(p.score)])
        score = float(np.average(scores, weights=frames)) if frames.sum() > 0 else float("nan")
        intervals.append(Interval(label, start, end, score, index))
        clock = end
    return tuple(intervals)


def tiled(intervals: Sequence[Interval], duration_s: float) -> list[Interval]:
    """The intervals with gaps filled by silences ("") and zero lengths left out: covers 0-duration_s."""
    tiles: list[Interval] = []
    clock = 0.0
    for interval in intervals:
        if interval.start_s > clock:
            tiles.append(Interval("", clock, interval.start_s))
        if interval.end_s > interval.start_s:
            tiles.append(interval)
        clock = max(clock, interval.end_s)
    if duration_s > clock:
        tiles.append(Interval("", clock, duration_s))
    return tiles
