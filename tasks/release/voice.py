"""What every family's voice can do, whatever networks speak."""

from __future__ import annotations

import difflib
import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, Self, TypeVar, cast

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from configs.base import Section
from configs.errors import UserError
from models.frontend.audio import Samples, Waveform
from models.frontend.text.lexicon import Lexicon
from models.frontend.text.phonemized import base_language
from models.seeds import derive_seed
from tasks.release.marked_text import Breath, Manuscript, Place
from tasks.release.sentences import MAX_CHARACTERS, Sentence, spoken_breaths
from tasks.release.speech_times import TimedWord, shifted


class Piece(NamedTuple):
    """One sentence of a spoken text, or the part of one between two pauses.

    Attributes:
        text: As written.
        samples: float32 `[S]` in +-1, with the pause before it.
        cut_off: No end was found, and it was stopped.
        sentence: Number of the sentence in the text, from 0.
        speech: First sample that is no pause, and the one after the last.
        words: When each is said, counted from the beginning of `samples`; None where the family cannot tell.
    """

    text: str
    samples: Samples
    cut_off: bool
    sentence: int
    speech: tuple[int, int]
    words: tuple[TimedWord, ...] | None


class Uttered(NamedTuple):
    """What a voice made of a sentence.

    Attributes:
        samples: float32 `[S]` in +-1.
        words: When each is said; None where the family cannot tell.
        cut_off: No end was found, and it was stopped.
    """

    samples: Samples
    words: tuple[TimedWord, ...] | None = None
    cut_off: bool = False


class SpeakerReference(Protocol):
    """What stands for a speaker."""

    @property
    def speaker(self) -> str: ...

    @property
    def utterance_id(self) -> str: ...


logger = logging.getLogger(__name__)

WINDOW_BATCHES = 4
"""Sentences of so many batches are sorted by length, so that a batch's sentences end about together."""

EDGE_LEVEL = 1 / 300
EDGE_KEPT_S = 0.01
"""What is quieter than this share of a sentence's peak is silence where it meets a pause, but for so much."""

SentenceT = TypeVar("SentenceT")
MannerT = TypeVar("MannerT", bound=Section)
ReferenceT = TypeVar("ReferenceT", bound=SpeakerReference)
SeedChanges = Literal["speech", "noise", "nothing"]


@dataclass(frozen=True, kw_only=True)
class SpeakOptions(Generic[ReferenceT]):
    """How one text is spoken; what is None is the voice's own.

    Attributes:
        seed: Of everything that is drawn; each sentence draws from its own number, so that neither the batch
            nor the sentences around it change what is drawn for it.
        language: Code of the text's main language; the voice's first by default.
        references: What to speak like; by default what stands for `speaker`.
        speaker: One of the voice's speakers; its `default_speaker` by default.
        speed: Above 1 is faster.
        batch_sentences: Sentences that are spoken together.
        at_once: Start with a single sentence, for a listener who waits.
        takes: Numbers of sentences, from 0, that are said in another way, and in which other one, from 1. The
            others are, sample for sample, what they are without it.
    """

    seed: int = 0
    language: str | None = None
    references: Sequence[ReferenceT] | None = None
    speaker: str | None = None
    speed: float | None = None
    batch_sentences: int | None = None
    at_once: bool = False
    takes: Mapping[int, int] = field(default_factory=dict)

    def seed_of(self, place: Place) -> int:
        """Of what is drawn for the first take of a sentence or a part of one."""
        own = derive_seed(self.seed, "speak", place.sentence)
        return derive_seed(own, "part", place.part) if place.part else own

    def other_seed_of(self, place: Place) -> int | None:
        """The same for the take that is asked for; None where it is the first."""
        take = self.takes.get(place.sentence)
        return None if take is None else derive_seed(self.seed_of(place), "take", take)


AS_TRAINED: SpeakOptions[Any] = SpeakOptions()
"""Everything is the voice's own."""


class Voice(ABC, Generic[ReferenceT]):
    """A voice that speaks; `tasks.release.speak.load_voice` makes one from an exported folder.

    Attributes:
        family_name: As `voice.json` names the family.
        languages: Language codes of the clips, the one with most clips first.
        references: By speaker.
        default_speaker: Who speaks when nobody is asked for.
        max_characters: Longer sentences are cut before they are read.
        continues_references: Whether it goes on from what is said in a reference.
        encoders: Names of the published encoders that it needs to take a reference from a recording.
        lexicon: Pronunciations that it was trained with, or was given since.
        one_speed: Whether a sentence has one speed, so that it is said in parts where the text asks for more.
        times_words: Whether it knows when it says each word.
    """

    family_name: ClassVar[str]
    languages: tuple[str, ...]
    references: Mapping[str, ReferenceT]
    default_speaker: str
    max_characters: ClassVar[int] = MAX_CHARACTERS
    continues_references: ClassVar[bool] = False
    encoders: ClassVar[tuple[str, ...]] = ()
    lexicon: Lexicon
    one_speed: ClassVar[bool] = False
    times_words: ClassVar[bool] = False

    @property
    @abstractmethod
    def sample_rate(self) -> int:
        """Of what it speaks, Hz."""

    @property
    def device(self) -> torch.device:
        """Where its networks are."""
        return next(
            parameter.device for network in self._networks().values() for parameter in network.parameters()
        )

    def on(self, device: torch.device) -> Self:
        """The voice with its networks on a device; they are moved, not copied.

        Raises:
            UserError: one of them cannot compute there.
        """
        moved = {name: network.to(device) for name, network in self._networks().items()}
        there: Self = replace(cast("Any", self), **moved)
        return there

    def _networks(self) -> dict[str, nn.Module]:
        """By the attribute's name."""
        own = {one.name: getattr(self, one.name) for one in fields(cast("Any", self))}
        return {name: value for name, value in own.items() if isinstance(value, nn.Module)}

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """Languages of the clips, then those that published weights bring along."""
        return self.languages

    def breaths(self, text: Manuscript, language: str | None = None) -> list[Breath]:
        """What `pieces` makes a piece of each in that language; raises as it does."""
        return spoken_breaths(
            text,
            self.max_characters,
            one_speed=self.one_speed,
            lexicon=self.lexicon,
            spoken=self.spoken_languages,
            # Which full stops end a sentence differs from language to language.
            language=self.checked_language(language),
        )

    @property
    def seed_changes(self) -> SeedChanges:
        """What another seed changes in how a sentence is said."""
        return "speech"

    @abstractmethod
    def pieces(self, text: Manuscript, options: SpeakOptions[ReferenceT] = AS_TRAINED) -> Iterator[Piece]:
        """Speak a text of any length sentence by sentence, in order, holding no more than a few of them.

        Raises:
            UserError: a language or speaker that the voice does not have, or a text without words.
        """

    @abstractmethod
    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> ReferenceT:
        """A recording from outside the corpus as a reference.

        Raises:
            UserError: the clip cannot be used, or the text cannot be read.
        """

    @abstractmethod
    def with_manner(self, changes: Mapping[str, object]) -> Self:
        """The voice with other settings of how it speaks.

        Raises:
            UserError: there is no such setting, or its value is out of range.
        """

    def with_encoders(self, given: Mapping[str, str], locate: Callable[[str], str]) -> Self:
        """The voice with the places of its published encoders on this machine, where it uses any.

        Args:
            given: Places by the encoder's name, which overrule the others.
            locate: From what the voice's file says to a place.

        Raises:
            UserError: a place is given for an encoder that the voice does not use.
        """
        del locate
        for name, place in given.items():
            if name not in self.encoders:
                raise UserError(
                    f"{place}: this voice takes no reference through a {name.replace('_', ' ')} encoder; "
                    "leave the option out"
                )
        return self

    def with_lexicon(self, further: Lexicon) -> Self:
        """The voice with more pronunciations, which go before its own."""
        changed: Self = replace(cast("Any", self), lexicon=self.lexicon.joined(further))
        return changed

    def speak(self, text: Manuscript, options: SpeakOptions[ReferenceT] = AS_TRAINED) -> Waveform:
        """Speak a text; the same arguments give the same samples. Raises as `pieces`."""
        pieces = self.pieces(text, options)
        return Waveform(np.concatenate([piece.samples for piece in pieces]), self.sample_rate)

    def chosen_references(self, options: SpeakOptions[ReferenceT]) -> Sequence[ReferenceT]:
        """What to speak like. Raises as `reference_of`."""
        return options.references or [self.reference_of(options.speaker)]

    def reference_of(self, speaker: str | None) -> ReferenceT:
        """The clip that stands for a speaker.

        Raises:
            UserError: the voice has no such speaker.
        """
        name = self.default_speaker if speaker is None else speaker
        if not self.references:
            raise UserError(
                "--reference: this voice speaks like a recording and has none of its own; give one, or "
                "several to average"
            )
        if name not in self.references:
            known = ", ".join(sorted(self.references))
            raise UserError(f"speaker: {name!r} is not in this voice; it has {known}")
        return self.references[name]

    def checked_language(self, language: str | None) -> str:
        """The language to read a text in.

        Raises:
            UserError: the voice has never heard it.
        """
        if language is None:
            return self.languages[0]
        if language in self.languages:
            return language
        for own in self.spoken_languages:
            # The accent is the one the voice was trained with, whichever was asked for.
            if base_language(own) == base_language(language):
                return own
        raise UserError(
            f"language: {language!r} is not spoken by this voice; it was trained on "
            f"{', '.join(self.languages)}. Train it on clips of that language first"
        )


def changed_manner(manner: MannerT, changes: Mapping[str, object]) -> MannerT:
    """Settings of speaking with some of them changed; raises as `Voice.with_manner`."""
    known = type(manner).model_fields
    for name in changes:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise UserError(
                f"--manner {name}: this voice has no such setting; did you mean {near[0]}? It has "
                f"{', '.join(known)}"
            )
    try:
        return type(manner).model_validate(manner.model_dump() | dict(changes))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UserError(f"--manner: {said}") from error


def windows(sentences: Iterator[SentenceT], batch: int, at_once: bool) -> Iterator[list[SentenceT]]:
    """A few batches of sentences at a time; with `at_once` a single sentence first, then more and more."""
    size = 1 if at_once else WINDOW_BATCHES * batch
    while window := list(itertools.islice(sentences, size)):
        yield window
        size = min(size * batch, WINDOW_BATCHES * batch)


def piece_of(sentence: Sentence, uttered: Uttered, pause_s: float, sample_rate: int) -> Piece:
    """A sentence between its pauses.

    Where the text asks for a pause, what the voice itself leaves silent there is cut off, so that the pause
    is as long as asked for.

    Args:
        sentence: What was said.
        uttered: How.
        pause_s: The voice's own, between sentences.
        sample_rate: Hz.
    """
    place = sentence.place
    before_s = place.pause_s
    if before_s is None:
        before_s = pause_s if place.sentence and not place.part else 0.0
    start, end = _sounding(uttered.samples, place.meets_pause, round(EDGE_KEPT_S * sample_rate))
    lead, closing = round(before_s * sample_rate), round(place.closing_s * sample_rate)
    samples = np.zeros(lead + end - start + closing, dtype=np.float32)
    samples[lead : lead + end - start] = uttered.samples[start:end]
    words = uttered.words
    return Piece(
        sentence.text,
        samples,
        uttered.cut_off,
        place.sentence,
        (lead, lead + end - start),
        None if words is None else shifted(words, lead - start, lead, lead + end - start),
    )


def _sounding(samples: Samples, meets_pause: tuple[bool, bool], kept: int) -> tuple[int, int]:
    """Where the sound begins and ends, on the sides that meet a pause."""
    loud = np.flatnonzero(np.abs(samples) > EDGE_LEVEL * np.abs(samples).max(initial=0.0))
    if not loud.size:
        return 0, len(samples)
    start, end = max(0, int(loud[0]) - kept), min(len(samples), int(loud[-1]) + 1 + kept)
    return start if meets_pause[0] else 0, end if meets_pause[1] else len(samples)


def without_edges(
    wave: Samples, edge_samples: int, start_samples: int, end_samples: int, least_samples: int
) -> tuple[Samples, int]:
    """Without the digital silence that training put around every clip, as far as pads were given it.

    Returns the samples and how many of them went before the first.

    Args:
        wave: `[S]`.
        edge_samples: Of that silence, on each side.
        start_samples, end_samples: What the first and the last pad were given.
        least_samples: Kept in any case.
    """
    front, back = (min(edge_samples, given) for given in (start_samples, end_samples))
    kept = wave[front : max(front + least_samples, len(wave) - back)]
    return np.asarray(kept, dtype=np.float32), front


def within_full_scale(samples: Samples) -> Samples:
    """Brought down where the peak is above full scale, never wrapped."""
    if not np.isfinite(samples).all():
        broken = int(np.count_nonzero(~np.isfinite(samples)))
        logger.warning(
            "%d of %d samples came out as no numbers and are silent: the networks have learnt too little, "
            "or diverged",
            broken,
            len(samples),
        )
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(np.abs(samples).max(initial=0.0))
    return samples / np.float32(peak) if peak > 1.0 else samples
