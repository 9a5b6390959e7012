"""A Sketch voice: the network, and how it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
import torch

from configs.errors import UserError
from configs.family import FamilySettings
from configs.train_sketch import SketchSpeakSettings
from models.frontend.audio import Samples
from models.frontend.text.character_tokens import MAX_CHARACTERS
from models.frontend.text.lexicon import NO_ENTRIES, Lexicon
from models.sketch.model import Sketch
from models.sketch.vocoder import waveform
from tasks.release.marked_text import Manuscript
from tasks.release.sentences import Sentence, read_sentences
from tasks.release.spelling import spelled
from tasks.release.voice import (
    AS_TRAINED,
    Piece,
    SpeakOptions,
    Uttered,
    Voice,
    changed_manner,
    piece_of,
    within_full_scale,
)


class Speaker(NamedTuple):
    """A speaker's name stands for the speaker: the voice knows one manner of speaking."""

    speaker: str
    utterance_id: str = ""


@dataclass(frozen=True)
class SketchVoice(Voice[Speaker]):
    """One network for whoever it was trained on."""

    model: Sketch
    family: FamilySettings
    languages: tuple[str, ...]
    references: Mapping[str, Speaker]
    default_speaker: str
    manner: SketchSpeakSettings
    lexicon: Lexicon = NO_ENTRIES

    family_name: ClassVar[str] = "sketch"
    max_characters: ClassVar[int] = MAX_CHARACTERS
    one_speed: ClassVar[bool] = True

    @property
    def sample_rate(self) -> int:
        """Of what it speaks, Hz."""
        return self.family.sample_rate

    def pieces(self, text: Manuscript, options: SpeakOptions[Speaker] = AS_TRAINED) -> Iterator[Piece]:
        """As `Voice.pieces`."""
        self.chosen_references(options)
        language = self.checked_language(options.language)
        sentences = read_sentences(
            text,
            language,
            self.languages,
            self.family.symbol_table,
            self.max_characters,
            one_speed=True,
            lexicon=self.lexicon,
            asked_language=self.checked_language,
        )
        speed = self.manner.speed if options.speed is None else options.speed

        def spoken() -> Iterator[Piece]:
            for sentence in sentences:
                seed = options.other_seed_of(sentence.place) or options.seed_of(sentence.place)
                wave = self.render(sentence, seed, speed * sentence.speeds[0])
                yield piece_of(sentence, Uttered(wave), self.manner.pause_s, self.sample_rate)

        return spoken()

    @torch.no_grad()
    def render(self, sentence: Sentence, seed: int, speed: float) -> Samples:
        """One sentence."""
        tokens = torch.tensor([spelled(sentence, str(self.family.character_table)).ids], device=self.device)
        mel, _ = self.model(tokens, self.model.durations(tokens, speed))
        wave = waveform(mel[0].cpu(), torch.Generator().manual_seed(seed))
        return within_full_scale(np.asarray(wave, dtype=np.float32))

    def reference_from_file(
        self, path: Path, text: str | None = None, language: str | None = None
    ) -> Speaker:
        """It cannot."""
        raise UserError(f"--reference: {path}: a Sketch voice speaks like its own recordings alone")

    def with_manner(self, changes: Mapping[str, object]) -> Self:
        """Other settings of how it speaks."""
        return replace(self, manner=changed_manner(self.manner, changes))
