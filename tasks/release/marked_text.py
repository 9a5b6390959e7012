"""Text with pauses, speeds and languages marked in it, cut into what is said in one breath."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.language import has_words

MAX_PAUSE_S = 60.0

_PAUSE = re.compile(r"\[\s*pause\s*\](?!\(/)|\[\s*pause[\s:=]+[^\]\n]*\d[^\]\n]*\]", re.IGNORECASE)
_LENGTH = re.compile(r"\+?(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})\s*(ms|s)", re.IGNORECASE)
_SHOWN_CHARACTERS = 40


class Said(NamedTuple):
    """Words in one manner.

    Attributes:
        text: As it is read.
        shown: As it is written.
        speed: Above 1 is faster than the rest.
        language: Code, or None for the text's main language.
    """

    text: str
    shown: str
    speed: float = 1.0
    language: str | None = None


class Pause(NamedTuple):
    """Silence of so many seconds."""

    seconds: float


class SentenceEnd(NamedTuple):
    """A sentence ends here, whatever its marks say."""


Mark = Said | Pause | SentenceEnd
Manuscript = str | Sequence[Mark]
"""A text with its marks, or a plain one as `plain_marks` reads it."""


class Place(NamedTuple):
    """Where in a text something is said.

    Attributes:
        sentence: Number of the sentence, from 0.
        part: Number in the sentence, which pauses cut.
        pause_s: Silence before it; None is the voice's own between sentences, and none inside of one.
        closing_s: Silence after the last words of a text.
        meets_pause: Whether it begins, and whether it ends, at a pause or a cut inside a sentence.
    """

    sentence: int = 0
    part: int = 0
    pause_s: float | None = None
    closing_s: float = 0.0
    meets_pause: tuple[bool, bool] = (False, False)


class Breath(NamedTuple):
    """What is said in one breath, and where."""

    spans: tuple[Said, ...]
    place: Place


def pause_of(written: str) -> Pause | None:
    """`500ms` or `1.2s` as a pause; None where it is no length, or one above MAX_PAUSE_S."""
    found = _LENGTH.fullmatch(written.strip())
    if found is None:
        return None
    seconds = float(found.group(1)) / (1000.0 if found.group(2).lower() == "ms" else 1.0)
    return Pause(seconds) if seconds <= MAX_PAUSE_S else None


def plain_marks(text: str) -> list[Mark]:
    """The text with its `[pause 500ms]` as pauses.

    Raises:
        UserError: a pause without a length, or with one that is none.
    """
    marks: list[Mark] = []
    end = 0
    for found in _PAUSE.finditer(text):
        written = found.group()
        pause = pause_of(written.strip("[] ")[len("pause") :].lstrip(" :=\t"))
        if pause is None:
            line, start = text.count("\n", 0, found.start()) + 1, text.rfind("\n", 0, found.start())
            raise UserError(
                f"text, line {line}, column {found.start() - start}: {written[:_SHOWN_CHARACTERS]!r} is no "
                f"pause; write [pause 500ms] or [pause 1.2s], up to {MAX_PAUSE_S:g} s"
            )
        before = text[end : found.start()]
        marks += [Said(before, before), pause]
        end = found.end()
    return [*marks, Said(text[end:], text[end:])]


def breaths(
    marks: Sequence[Mark], sentences_of: Callable[[str], Sequence[str]], *, one_speed: bool
) -> list[Breath]:
    """What is said in one breath, in order: sentences, and their parts where a pause cuts them.

    Args:
        marks: Of a whole text.
        sentences_of: Cuts a text into sentences; it may change white space alone.
        one_speed: Cut sentences where their speed changes too.

    Raises:
        UserError: pauses that together are longer than MAX_PAUSE_S, or nothing that can be spoken.
    """
    text, owners, pauses = _laid_out(marks)
    sentences = sentences_of(text)
    if not sentences:
        raise UserError("text: it is empty; give the words to speak")
    found: list[Breath] = []
    number, before, waiting = -1, list[float](), deque(pauses)
    for start, stop in _places(text, sentences):
        part = 0
        for own_start, own_stop in _parts(start, stop, owners, pauses, one_speed):
            while waiting and waiting[0].at <= own_start:
                before.append(waiting.popleft().seconds)
            # A break of no length inside a sentence joins what is joined anyway.
            while waiting and waiting[0].at < own_stop:
                waiting.popleft()
            spans = _spans(text, owners, own_start, own_stop)
            if any(has_words(span.text) for span in spans):
                number += part == 0
                found.append(Breath(spans, Place(number, part, sum(before) if before else None)))
                part, before = part + 1, []
            elif part and any(span.text.strip() for span in spans):
                # Marks after a pause belong to the words before it.
                found[-1] = found[-1]._replace(spans=_joined(found[-1].spans, spans))
    if not found:
        raise UserError(f"text: {' '.join(sentences)[:60]!r} has no word that can be spoken")
    return _with_neighbours(found, sum(before) + sum(pause.seconds for pause in waiting))


class _LaidPause(NamedTuple):
    """A pause before the character `at` of a text."""

    at: int
    seconds: float


_at = attrgetter("at")


Owners = Sequence[Said | None]


def _laid_out(marks: Sequence[Mark]) -> tuple[str, Owners, list[_LaidPause]]:
    """The whole text, whose each character is, and where pauses lie in it."""
    parts, owners, pauses = list[str](), list[Said | None](), list[_LaidPause]()
    for mark in marks:
        if isinstance(mark, Pause):
            pauses.append(_LaidPause(len(owners) + 1, mark.seconds))
        written = mark.text if isinstance(mark, Said) else "\n" if isinstance(mark, SentenceEnd) else " "
        parts.append(written)
        owners += [mark if isinstance(mark, Said) else None] * len(written)
    return "".join(parts), owners, pauses


def _places(text: str, sentences: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each sentence lies in the text, of which it has every character but white space."""
    at = 0
    for sentence in sentences:
        wanted = len("".join(sentence.split()))
        while text[at].isspace():
            at += 1
        start = at
        while wanted:
            wanted -= not text[at].isspace()
            at += 1
        yield start, at


def _parts(
    start: int, stop: int, owners: Owners, pauses: Sequence[_LaidPause], one_speed: bool
) -> Iterator[tuple[int, int]]:
    """A sentence cut at its pauses, and with `one_speed` where its speed changes."""
    inside = pauses[bisect_right(pauses, start, key=_at) : bisect_left(pauses, stop, key=_at)]
    cuts = {pause.at for pause in inside if pause.seconds > 0}
    if one_speed:
        speeds = [(at, owner.speed) for at in range(start, stop) if (owner := owners[at]) is not None]
        cuts |= {at for (_, last), (at, speed) in itertools.pairwise(speeds) if speed != last}
    edges = [start, *sorted(cuts), stop]
    yield from itertools.pairwise(edges)


def _spans(text: str, owners: Owners, start: int, stop: int) -> tuple[Said, ...]:
    """Stretches of one manner; what holds no word, marks for example, goes with the stretch before it."""
    spans: tuple[Said, ...] = ()
    at = start
    while at < stop:
        own = owners[at] or _UNMARKED
        end = at + 1
        while end < stop and (owners[end] is None or owners[end] is own):
            end += 1
        said = re.sub(r"\s+", " ", text[at:end])
        whole = own.text != own.shown and own.text.strip() == said.strip()
        spans = _joined(
            spans, [own._replace(text=said, shown=said.replace(own.text, own.shown) if whole else said)]
        )
        at = end
    return spans


_UNMARKED = Said("", "")


def _joined(spans: tuple[Said, ...], others: Sequence[Said]) -> tuple[Said, ...]:
    for one in others:
        last = spans[-1] if spans else None
        if last is None or (has_words(one.text) and not _alike(last, one)):
            spans = (*spans, one)
        else:
            spans = (*spans[:-1], last._replace(text=last.text + one.text, shown=last.shown + one.shown))
    return spans


def _alike(one: Said, other: Said) -> bool:
    """Whether they are read together: one manner, and neither stands for something else."""
    return one[2:] == other[2:] and one.text == one.shown and other.text == other.shown


def _with_neighbours(found: list[Breath], closing_s: float) -> list[Breath]:
    """The breaths with what each of them meets at its ends."""
    total = [breath.place.pause_s or 0.0 for breath in found]
    if max(*total, closing_s) > MAX_PAUSE_S:
        raise UserError(
            f"text: pauses that follow each other come to {max(*total, closing_s):g} s, and at most "
            f"{MAX_PAUSE_S:g} s are made at once"
        )
    begins = [breath.place.pause_s is not None or breath.place.part > 0 for breath in found]
    ends = [*begins[1:], closing_s > 0]
    return [
        breath._replace(
            place=breath.place._replace(
                meets_pause=(begin, end), closing_s=closing_s if breath is found[-1] else 0.0
            )
        )
        for breath, begin, end in zip(found, begins, ends, strict=True)
    ]
