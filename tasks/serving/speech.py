"""From what a client asks for to sound, chunk by chunk."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from configs import plain_yaml
from configs.errors import UserError
from models.frontend.language import has_words
from tasks.release.manuscript import marks_of
from tasks.release.marked_text import Mark, Pause, Said
from tasks.release.subtitles import Transcript, described_sentences
from tasks.release.voice import SpeakerReference, SpeakOptions, Voice
from tasks.serving.encoding import Format, encoder_of

MIN_SPEED, MAX_SPEED = 0.25, 4.0
OF_THE_MACHINE = frozenset(
    ("batch_sentences", "clips", "cuda_graphs", "decoder_weights", "max_sentence_s", "precision", "speed")
)
"""Settings of speaking that no client changes: they cost memory and time, or have a field of their own."""
EARLY_PAUSE_S = 0.12
SHORTEST_START = 15

_SETTING = re.compile(r"\b([a-z][a-z0-9_]{1,30})\s*[=:]\s*([^\s,;]{1,20})")
_CLAUSE_ENDS = re.compile(r"[,;:–—]\s+")


@dataclass(frozen=True)
class Wish:
    """What is to be said, and how; what is None is the voice's own.

    Attributes:
        text: Plain with `[pause 500ms]`, or SSML.
        form: Of the sound.
        speed: Above 1 is faster.
        seed: The same one gives the same bytes.
        language: Code of the text's main language.
        speaker: One of the voice's.
        instructions: Free text; `name=value` in it is a setting of how the voice speaks, where it has one.
        reference: What to speak like.
    """

    text: str
    form: Format = "mp3"
    speed: float | None = None
    seed: int = 0
    language: str | None = None
    speaker: str | None = None
    instructions: str = ""
    reference: SpeakerReference | None = None


class Chunk(NamedTuple):
    """Sound that can be sent.

    Attributes:
        audio: Bytes of the stream.
        spoken_s: Seconds that were spoken for it.
        sentences: What is said in it and when, as `described_sentences`.
    """

    audio: bytes
    spoken_s: float
    sentences: list[dict[str, Any]]


@dataclass(frozen=True)
class Manner:
    """How a server speaks, whoever asks.

    Attributes:
        batch_sentences: Sentences of a text that are spoken together after the first; None: the voice's own.
        early_characters: A first sentence that is longer is parted at a comma before that, so that the first
            sound comes sooner; 0 never parts it.
        pauses_s: Silence that a text and its instructions may ask for, all in all.
    """

    batch_sentences: int | None = field(default=None)
    early_characters: int = 0
    pauses_s: float = math.inf


def spoken(voice: Voice[Any], wish: Wish, manner: Manner) -> Iterator[Chunk]:
    """Speak; a chunk for each sentence, the first one as soon as it can be.

    Raises:
        UserError: the voice has no such speaker, language or setting, or the text cannot be read or asks for
            too much silence.
    """
    own_s = _pause_s(voice)
    voice = with_instructions(voice, wish.instructions)
    marks = marks_of(wish.text, voice.checked_language(wish.language))
    _check_pauses(voice, marks, wish.language, _pause_s(voice) != own_s, manner.pauses_s)
    options = SpeakOptions(
        seed=wish.seed,
        language=wish.language,
        references=None if wish.reference is None else [wish.reference],
        speaker=wish.speaker,
        speed=wish.speed,
        batch_sentences=manner.batch_sentences,
        at_once=True,
    )
    transcript = Transcript(voice.sample_rate)
    encoder = encoder_of(wish.form, voice.sample_rate)
    for piece in voice.pieces(begun_early(marks, manner.early_characters), options):
        transcript.add(piece)
        said = described_sentences(transcript.pieces[-1:], transcript)
        yield Chunk(encoder.add(piece.samples), len(piece.samples) / voice.sample_rate, said)
    yield Chunk(encoder.end(), 0.0, [])


def _pause_s(voice: Voice[Any]) -> float:
    """Silence between sentences that a voice makes by itself."""
    return float(getattr(getattr(voice, "manner", None), "pause_s", 0.0))


def _check_pauses(
    voice: Voice[Any], marks: Sequence[Mark], language: str | None, is_own_asked: bool, most_s: float
) -> None:
    """Silence costs a few characters, and memory and time of a server and of whoever hears it.

    Args:
        voice: That speaks.
        marks: What it says.
        language: In which language.
        is_own_asked: Whether the request chose the voice's pause between sentences.
        most_s: That may be asked for.

    Raises:
        UserError: it is more.
    """
    asked_s = sum(mark.seconds for mark in marks if isinstance(mark, Pause))
    if is_own_asked:
        sentences = [one for one in voice.breaths(marks, language) if one.place.part == 0]
        asked_s += _pause_s(voice) * sum(one.place.pause_s is None for one in sentences[1:])
    if asked_s > most_s:
        raise UserError(
            f"text: its pauses come to {asked_s:,.0f} s, and at most {most_s:,.0f} s are made for one request"
        )


def with_instructions(voice: Voice[Any], instructions: str) -> Voice[Any]:
    """The voice with the settings that are written as `name=value`; other words change nothing.

    Raises:
        UserError: a value is out of its range.
    """
    own: Any = getattr(voice, "manner", None)
    known = set(type(own).model_fields if own is not None else ()) - OF_THE_MACHINE
    changes: Mapping[str, object] = {
        name: plain_yaml.load(value, "instructions", name)
        for name, value in _SETTING.findall(instructions)
        if name in known
    }
    try:
        return voice.with_manner(changes) if changes else voice
    except UserError as error:
        raise UserError(str(error).replace("--manner", "instructions", 1)) from error


def begun_early(marks: list[Mark], characters: int) -> list[Mark]:
    """The marks with a short pause at the last comma within the first `characters`, where there is one.

    A text that is marked itself, or whose first sentence ends by then, stays as it is.
    """
    first = marks[0] if marks else None
    if (
        not characters
        or not isinstance(first, Said)
        or first.text != first.shown
        or len(first.text) <= characters
    ):
        return marks
    head = first.text[:characters]
    ends = [end.end() for end in _CLAUSE_ENDS.finditer(head) if end.start() >= SHORTEST_START]
    if not ends or re.search(r"[.!?…。！？\n]", head) or not has_words(head[: ends[-1]]):
        return marks
    parts = [
        first._replace(text=part, shown=part) for part in (first.text[: ends[-1]], first.text[ends[-1] :])
    ]
    return [parts[0], Pause(EARLY_PAUSE_S), parts[1], *marks[1:]]
