"""A Kokoro voice: its networks, a table of styles per speaker, and how they are used."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

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
from tasks.release.kokoro.rows import TABLE, Row, Unit, cuts, part_ends, units
from tasks.release.marked_text import Manuscript
from tasks.release.sentences import Sentence, read_sentences
from tasks.release.speech_times import shifted
from tasks.release.spelling import spelled_in_parts
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
        [said] = self._uttered([Unit((sentence,), self._rows(sentence, seed))], reference.table, speed, 1)[0]
        return said.samples

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
        spelled = (
            (sentence, self._rows(sentence, options.seed_of(sentence.place))) for sentence in sentences
        )
        # Who waits for each sentence would wait for a whole row of them.
        joined = units(spelled, 0 if options.at_once else self.manner.row_phonemes)
        for window in windows(joined, batch, options.at_once):
            for unit, spoken in zip(window, self._uttered(window, table, speed, batch), strict=True):
                for sentence, first in zip(unit.sentences, spoken, strict=True):
                    said = self._other_take(sentence, table, speed, options) or first
                    yield piece_of(sentence, said, self.manner.pause_s, self.sample_rate)

    def _other_take(
        self, sentence: Sentence, table: Tensor, speed: float, options: SpeakOptions[SpeakerTable]
    ) -> Uttered | None:
        """A sentence said again by itself, where that is asked for."""
        seed = options.other_seed_of(sentence.place)
        if seed is None:
            return None
        [said] = self._uttered([Unit((sentence,), self._rows(sentence, seed))], table, speed, 1)[0]
        return said

    def _uttered(
        self, window: Sequence[Unit], table: Tensor, speed: float, batch: int
    ) -> list[list[Uttered]]:
        """The sentences of a few units, in their order."""
        rows = [row for unit in window for row in unit.rows]
        # Texts of one length at a time: no row of a batch waits for a longer one.
        ordered = sorted(range(len(rows)), key=lambda at: len(rows[at].ids))
        spoken: dict[int, list[Uttered]] = {}
        for start in range(0, len(ordered), batch):
            chosen = ordered[start : start + batch]
            spoken |= zip(chosen, self._speak([rows[at] for at in chosen], table, speed), strict=True)
        numbers = iter(range(len(rows)))
        found = [[part for _ in unit.rows for part in spoken[next(numbers)]] for unit in window]
        return [
            parts if len(unit.sentences) == len(parts) else [_in_a_row(parts)]
            for unit, parts in zip(window, found, strict=True)
        ]

    def _rows(self, sentence: Sentence, seed: int) -> tuple[Row, ...]:
        """The sentence as it is said; refused where a word is too long, or too many characters unknown."""
        longest = min(self.manner.max_phonemes, self.model.config.voice_rows)
        parts = spelled_in_parts(sentence, TABLE, longest)
        return tuple(Row((part,), derive_seed(seed, "part", at)) for at, part in enumerate(parts))

    def _speak(self, rows: Sequence[Row], table: Tensor, speed: float) -> list[list[Uttered]]:
        """A batch; of each row its parts."""
        ids = [torch.tensor(row.ids) for row in rows]
        lengths = torch.tensor([len(one) for one in ids])
        spoken = self.model.forward_train(
            pad_sequence(ids, batch_first=True).to(self.device),
            lengths,
            voice_rows_of(table, lengths).to(self.device),
            speed=token_speeds([row.speeds for row in rows], speed, self.device),
            rngs=[torch.Generator().manual_seed(row.seed) for row in rows],
            decoder_dtype=spoken_dtype(self.manner.precision, self.device),
        )
        audio, frames, frame = spoken.audio.cpu(), spoken.token_frames.cpu(), self.model.config.frame_samples
        waves = [
            np.asarray(one[0, : n * frame].numpy(), dtype=np.float32)
            for one, n in zip(audio, spoken.n_frames, strict=True)
        ]
        ends = [(one[:n].cumsum(0) * frame).tolist() for one, n in zip(frames, lengths, strict=True)]
        return [self._parts(*one) for one in zip(rows, waves, ends, strict=True)]

    def _parts(self, row: Row, wave: Samples, ends: Sequence[int]) -> list[Uttered]:
        """What a row says, part by part; its characters end at `ends`."""
        lead = round(self.lead_s * self.sample_rate)
        places = cuts(wave, row, ends, lead)
        found = []
        for at, (start, end) in enumerate(itertools.pairwise(places)):
            words = timed_words(row.parts[at], part_ends(row, ends, at), TABLE)
            own, front = wave[start:end], 0
            if not self.manner.keep_edges:
                begin_pad = ends[0] if at == 0 else 0
                end_pad = ends[-1] - ends[-2] if at == len(row.parts) - 1 else 0
                edge, least = self.family.edge_silence_samples, self.model.config.frame_samples
                own, front = without_edges(own, edge, begin_pad, end_pad, least)
            words = shifted(words, -start - front - lead, 0, len(own))
            found.append(Uttered(within_full_scale(own), words))
        return found


def _in_a_row(parts: Sequence[Uttered]) -> Uttered:
    """Parts of a sentence, one after the other."""
    starts = itertools.accumulate((len(part.samples) for part in parts), initial=0)
    words = [
        word for start, part in zip(starts, parts, strict=False) for word in shifted(part.words or (), start)
    ]
    return Uttered(np.concatenate([part.samples for part in parts]), tuple(words))
