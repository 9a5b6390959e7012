"""A Kokoro voice: its networks, a table of styles per speaker, and how they are used."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from configs.errors import UserError
from configs.family import FamilySettings
from configs.release import KokoroSpeakSettings
from models.frontend.audio import Samples
from models.frontend.text.character_tokens import MAX_CHARACTERS
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.kokoro.model import Kokoro
from models.kokoro.upstream import read_voice, voice_rows_of
from models.layers.precision import spoken_dtype
from models.seeds import derive_seed
from tasks.release.marked_text import Manuscript
from tasks.release.sentences import Sentence, read_sentences
from tasks.release.speech_times import shifted
from tasks.release.spelling import Spelled, spelled_in_parts
from tasks.release.token_times import timed_words, token_speeds
from tasks.release.voice import (
    AS_TRAINED,
    Piece,
    SeedChanges,
    SpeakOptions,
    Uttered,
    Voice,
    changed_manner,
    piece_of,
    windows,
    within_full_scale,
    without_edges,
)

TABLE = "kokoro"
"""The family's characters."""
PUBLISHED_LEAD_S = 0.035
"""The published network's sounds come so much before the frames of their tokens (bench/word_times.py)."""


@dataclass(frozen=True, eq=False)
class SpeakerTable:
    """What stands for a speaker.

    Attributes:
        speaker: Whose it is.
        utterance_id: Empty: a table is made of all clips of a speaker.
        table: float32 `[510, 1, 256]`; row n - 1 speaks texts of n phonemes, acoustic half first.
    """

    speaker: str
    utterance_id: str
    table: Tensor


class Part(NamedTuple):
    """What is said at once.

    Attributes:
        sentence: Number of the sentence among those that are said together.
        spelled: Its characters between two pads.
        seed: Of its source's noise.
    """

    sentence: int
    spelled: Spelled
    seed: int


@dataclass(frozen=True)
class KokoroVoice(Voice[SpeakerTable]):
    """Networks that speak with the row of a table which belongs to the text's length.

    Attributes:
        model: In evaluation mode.
        family: Audio frame, silence at the edges and characters.
        languages: Language codes of the clips, the one with most clips first.
        references: By speaker.
        default_speaker: Who speaks when nobody is asked for.
        manner: How fast, in which parts and with which pauses.
        brought_languages: Those that published weights speak beside the clips'.
        lexicon: Pronunciations of words, as `Voice.lexicon`.
        lead_s: How much sooner than the frames of its tokens the network's sounds come.
    """

    model: Kokoro
    family: FamilySettings
    languages: tuple[str, ...]
    references: Mapping[str, SpeakerTable]
    default_speaker: str
    manner: KokoroSpeakSettings
    brought_languages: tuple[str, ...] = ()
    lexicon: Lexicon = NO_ENTRIES
    lead_s: float = 0.0

    family_name: ClassVar[str] = "kokoro"
    max_characters: ClassVar[int] = MAX_CHARACTERS
    times_words: ClassVar[bool] = True

    @property
    def sample_rate(self) -> int:
        """Of what it speaks, Hz."""
        return self.family.sample_rate

    @property
    def spoken_languages(self) -> tuple[str, ...]:
        """As `Voice.spoken_languages`."""
        return tuple(dict.fromkeys((*self.languages, *self.brought_languages)))

    @property
    def seed_changes(self) -> SeedChanges:
        """The noise of breath and consonants is all that is drawn."""
        return "noise"

    def pieces(self, text: Manuscript, options: SpeakOptions[SpeakerTable] = AS_TRAINED) -> Iterator[Piece]:
        """As `Voice.pieces`: the references' tables are averaged."""
        table = torch.stack([one.table for one in self.chosen_references(options)]).mean(0)
        language = self.checked_language(options.language)
        sentences = read_sentences(
            text,
            language,
            self.languages,
            self.family.symbol_table,
            self.max_characters,
            lexicon=self.lexicon,
            asked_language=self.checked_language,
        )
        return self._rendered(sentences, table, options)

    @torch.no_grad()
    def render(
        self, sentence: Sentence, reference: SpeakerTable, seed: int, *, speed: float | None = None
    ) -> Samples:
        """One sentence by the path that text takes."""
        speed = self.manner.speed if speed is None else speed
        return _in_a_row(self._speak(self._parts(sentence, 0, seed), reference.table, speed)).samples

    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> SpeakerTable:
        """A published voice, `voices/<name>.pt`; what a recording sounds like only training can learn."""
        del text, language
        if path.suffix != ".pt":
            raise UserError(
                f"--reference: {path}: a Kokoro voice speaks by a table of styles, not by a recording; give "
                "a file voices/<name>.pt, or fit a voice to such recordings in minutes (--preset kokoro-fit)"
            )
        return SpeakerTable(path.stem, "", read_voice(path, self.model.config))

    def with_manner(self, changes: Mapping[str, object]) -> Self:
        """Other settings of how fast, in which parts and with which pauses."""
        return replace(self, manner=changed_manner(self.manner, changes))

    @torch.no_grad()
    def _rendered(
        self, sentences: Iterator[Sentence], table: Tensor, options: SpeakOptions[SpeakerTable]
    ) -> Iterator[Piece]:
        speed = self.manner.speed if options.speed is None else options.speed
        batch = options.batch_sentences or self.manner.batch_sentences
        for window in windows(sentences, batch, options.at_once):
            seeds = [options.seed_of(sentence.place) for sentence in window]
            spoken = self._uttered(window, seeds, table, speed, batch)
            for sentence, first in zip(window, spoken, strict=True):
                other = options.other_seed_of(sentence.place)
                said = first if other is None else self._uttered([sentence], [other], table, speed, batch)[0]
                yield piece_of(sentence, said, self.manner.pause_s, self.sample_rate)

    def _uttered(
        self, sentences: Sequence[Sentence], seeds: Sequence[int], table: Tensor, speed: float, batch: int
    ) -> list[Uttered]:
        """A few sentences, in their order."""
        parts = [
            part
            for at, (sentence, seed) in enumerate(zip(sentences, seeds, strict=True))
            for part in self._parts(sentence, at, seed)
        ]
        # Texts of one length at a time: no row of a batch waits for a longer one.
        ordered = sorted(range(len(parts)), key=lambda at: len(parts[at].spelled.tokens.ids))
        spoken: dict[int, Uttered] = {}
        for start in range(0, len(ordered), batch):
            chosen = ordered[start : start + batch]
            spoken |= zip(chosen, self._speak([parts[at] for at in chosen], table, speed), strict=True)
        own: list[list[Uttered]] = [[] for _ in sentences]
        for at, part in enumerate(parts):
            own[part.sentence].append(spoken[at])
        return [_in_a_row(one) for one in own]

    def _parts(self, sentence: Sentence, number: int, seed: int) -> list[Part]:
        """The sentence as it is said; refused where a word is too long, or too many characters unknown."""
        longest = min(self.manner.max_phonemes, self.model.config.voice_rows)
        parts = spelled_in_parts(sentence, TABLE, longest)
        return [Part(number, part, derive_seed(seed, "part", at)) for at, part in enumerate(parts)]

    def _speak(self, parts: Sequence[Part], table: Tensor, speed: float) -> list[Uttered]:
        """A batch."""
        rows = [torch.tensor(part.spelled.tokens.ids) for part in parts]
        lengths = torch.tensor([len(row) for row in rows])
        spoken = self.model.forward_train(
            pad_sequence(rows, batch_first=True).to(self.device),
            lengths,
            voice_rows_of(table, lengths).to(self.device),
            speed=token_speeds([part.spelled for part in parts], speed, self.device),
            rngs=[torch.Generator().manual_seed(part.seed) for part in parts],
            decoder_dtype=spoken_dtype(self.manner.precision, self.device),
        )
        audio, token_frames = spoken.audio.cpu(), spoken.token_frames.cpu()
        frame, uttered = self.model.config.frame_samples, []
        lead = round(self.lead_s * self.sample_rate)
        for at, (part, n_frames) in enumerate(zip(parts, spoken.n_frames, strict=True)):
            wave = np.asarray(audio[at, 0, : n_frames * frame].numpy(), dtype=np.float32)
            frames = token_frames[at, : len(rows[at])]
            words = timed_words(part.spelled, (frames.cumsum(0) * frame).tolist(), TABLE)
            front = 0
            if not self.manner.keep_edges:
                edge, first, last = self.family.edge_silence_samples, int(frames[0]), int(frames[-1])
                wave, front = without_edges(wave, edge, first * frame, last * frame, frame)
            words = shifted(words, -front - lead, 0, len(wave))
            uttered.append(Uttered(within_full_scale(wave), words))
        return uttered


def _in_a_row(parts: Sequence[Uttered]) -> Uttered:
    """Parts of a sentence, one after the other."""
    starts = itertools.accumulate((len(part.samples) for part in parts), initial=0)
    words = [
        word for start, part in zip(starts, parts, strict=False) for word in shifted(part.words or (), start)
    ]
    return Uttered(np.concatenate([part.samples for part in parts]), tuple(words))
