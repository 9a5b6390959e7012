"""What was said when, as SRT, WebVTT or JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from artifacts.store import write_atomically
from configs.errors import UserError
from tasks.release.voice import Piece
from tasks.release.written_words import WrittenWord, written_words

LINE_CHARACTERS, LINES = 42, 2
"""Of a cue; characters that are twice as wide count twice."""


class TimedPiece(NamedTuple):
    """What was said in one breath.

    Attributes:
        sentence: Number in the text, from 0.
        text: As written.
        start, end: First sample, and the one after the last, counted from the beginning of the file.
        words: None where the family cannot tell.
    """

    sentence: int
    text: str
    start: int
    end: int
    words: tuple[WrittenWord, ...] | None


class Cue(NamedTuple):
    """What is shown at once.

    Attributes:
        start, end: As of a piece.
        lines: At most LINES.
        starts: Where words begin that are not the first: line, character of the line, and sample.
    """

    start: int
    end: int
    lines: tuple[str, ...]
    starts: tuple[tuple[int, int, int], ...]


class Transcript:
    """Pieces as they are written to a file, one after the other.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.n_samples = 0
        self.pieces: list[TimedPiece] = []

    def following(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """The pieces, noted down as they pass."""
        for piece in pieces:
            self.add(piece)
            yield piece

    def add(self, piece: Piece) -> None:
        """A piece that follows the others."""
        words = None
        if piece.words is not None:
            words = tuple(
                word._replace(
                    start=word.start + self.n_samples,
                    end=word.end + self.n_samples,
                    phones=tuple(
                        phone._replace(start=phone.start + self.n_samples, end=phone.end + self.n_samples)
                        for phone in word.phones
                    ),
                )
                for word in written_words(piece.text, piece.words)
            )
        start, end = (at + self.n_samples for at in piece.speech)
        self.pieces.append(TimedPiece(piece.sentence, piece.text, start, end, words))
        self.n_samples += len(piece.samples)


def subtitle_writer(path: Path) -> Callable[[Transcript], None]:
    """What writes a transcript to a file of that name.

    Raises:
        UserError: it ends in none of .srt, .vtt and .json; when it writes, the place cannot be written.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise UserError(f"--subtitles: {path} must end in {', '.join(_FORMS)}")

    def write(transcript: Transcript) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, form(transcript).encode())
        except OSError as error:
            raise UserError(f"--subtitles: {path} cannot be written ({error}); name another") from error

    return write


def as_srt(transcript: Transcript) -> str:
    """SubRip: numbered cues."""
    cues = (cue for piece in transcript.pieces for cue in cues_of(piece))
    return "".join(
        f"{number}\n{_clock(cue.start, transcript, ',')} --> {_clock(cue.end, transcript, ',')}\n"
        + "\n".join(cue.lines).replace("-->", "→")
        + "\n\n"
        for number, cue in enumerate(cues, 1)
    )


def as_vtt(transcript: Transcript) -> str:
    """WebVTT: cues with the time of each word inside."""
    blocks = ["WEBVTT\n"]
    for cue in (cue for piece in transcript.pieces for cue in cues_of(piece)):
        begins, ends = (_clock(at, transcript, ".") for at in (cue.start, cue.end))
        stamps = [(line, at, _clock(sample, transcript, ".")) for line, at, sample in cue.starts]
        # A time inside a cue has to lie between its own, and after the one before.
        stamps = [one for one in stamps if begins < one[2] < ends]
        lines = [
            _stamped(text, [(at, clock) for line, at, clock in stamps if line == number])
            for number, text in enumerate(cue.lines)
        ]
        blocks.append(f"{begins} --> {ends}\n" + "\n".join(lines) + "\n")
    return "\n".join(blocks)


def as_json(transcript: Transcript) -> str:
    """Sentences, words and phones; docs/reference/formats.md says what each entry is."""
    described = {
        "format": 1,
        "sample_rate": transcript.sample_rate,
        "duration_s": _seconds(transcript.n_samples, transcript),
        "sentences": described_sentences(transcript.pieces, transcript),
    }
    return json.dumps(described, ensure_ascii=False, indent=1) + "\n"


def described_sentences(pieces: Iterable[TimedPiece], transcript: Transcript) -> list[dict[str, Any]]:
    """The sentences of some pieces of a transcript, as its JSON has them."""
    sentences: dict[int, list[TimedPiece]] = {}
    for piece in pieces:
        sentences.setdefault(piece.sentence, []).append(piece)
    return [
        {
            "number": number + 1,
            "text": " ".join(piece.text for piece in own),
            **_span(own[0].start, own[-1].end, transcript),
            "parts": [_span(piece.start, piece.end, transcript) for piece in own],
            "words": _json_words(own, transcript),
        }
        for number, own in sentences.items()
    ]


_FORMS: Mapping[str, Callable[[Transcript], str]] = {".srt": as_srt, ".vtt": as_vtt, ".json": as_json}


def _json_words(pieces: Sequence[TimedPiece], transcript: Transcript) -> list[dict[str, Any]] | None:
    if any(piece.words is None for piece in pieces):
        return None
    return [
        {
            "text": piece.text[word.first : word.last],
            "read": " ".join(word.said),
            **_span(word.start, word.end, transcript),
            "phones": [
                {"label": label, **_span(start, end, transcript)} for label, start, end in word.phones
            ],
        }
        for piece in pieces
        for word in piece.words or ()
    ]


class _Chunk(NamedTuple):
    """Text that is not parted, and when it is said."""

    text: str
    start: int
    end: int


def cues_of(piece: TimedPiece) -> Iterator[Cue]:
    """A piece as cues of at most LINES lines; its end is the last word's.

    A long piece without times of words is divided by its characters.
    """
    chunks = list(_chunks(piece))
    lines: list[tuple[str, list[tuple[int, _Chunk]]]] = []
    for chunk in chunks:
        text, held = lines[-1] if lines else ("", [])
        if lines and _width(text + chunk.text.rstrip()) <= LINE_CHARACTERS:
            lines[-1] = (text + chunk.text, [*held, (len(text), chunk)])
        else:
            lines.append((chunk.text, [(0, chunk)]))
    for first in range(0, len(lines), LINES):
        shown = lines[first : first + LINES]
        starts = [(number, at, chunk.start) for number, (_, held) in enumerate(shown) for at, chunk in held]
        yield Cue(
            shown[0][1][0][1].start,
            shown[-1][1][-1][1].end,
            tuple(text.rstrip() for text, _ in shown),
            () if piece.words is None else tuple(starts[1:]),
        )


def _chunks(piece: TimedPiece) -> Iterator[_Chunk]:
    """The text of a piece in parts that fit on a line, each with the marks and spaces after it."""
    words = piece.words
    if not words:
        yield from _evenly(piece.text, piece.start, piece.end)
        return
    begins = [0, *(word.first for word in words[1:]), len(piece.text)]
    for word, first, last in zip(words, begins, begins[1:], strict=False):
        yield from _evenly(piece.text[first:last], word.start, word.end)


def _evenly(text: str, start: int, end: int) -> Iterator[_Chunk]:
    """A text cut at its spaces where it is too long for a line, its time divided by the characters."""
    if _width(text.rstrip()) <= LINE_CHARACTERS:
        yield _Chunk(text, start, end)
        return
    parts = [part for word in re.findall(r"\S+\s*", text) for part in _sliced(word)]
    done, total = 0, sum(map(len, parts))
    for part in parts:
        begins, done = done, done + len(part)
        yield _Chunk(part, start + (end - start) * begins // total, start + (end - start) * done // total)


def _sliced(word: str) -> Iterator[str]:
    """A word in parts that fit on half a line, where it is too long for one."""
    size = len(word) if _width(word.rstrip()) <= LINE_CHARACTERS else LINE_CHARACTERS // 2
    for at in range(0, len(word), size):
        yield word[at : at + size]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _stamped(text: str, stamps: Sequence[tuple[int, str]]) -> str:
    parts, at = [], 0
    for place, clock in stamps:
        parts += [_escaped(text[at:place]), f"<{clock}>"]
        at = place
    return "".join([*parts, _escaped(text[at:])])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(at: int, transcript: Transcript, mark: str) -> str:
    milliseconds = round(at * 1000 / transcript.sample_rate)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{milliseconds:03d}"


def _span(start: int, end: int, transcript: Transcript) -> dict[str, float]:
    return {"start_s": _seconds(start, transcript), "end_s": _seconds(end, transcript)}


def _seconds(at: int, transcript: Transcript) -> float:
    return round(at / transcript.sample_rate, 6)
