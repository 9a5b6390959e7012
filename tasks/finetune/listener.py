"""A recogniser that hears validation clips: which version of a voice is understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from models.frontend.asr import SAMPLE_RATE, Processor, recognise_whisper, word_errors
from models.frontend.audio import resample
from tasks.finetune.shards import read_rows

_BEAM = 5
_WORDS_UNDERSTOOD = 40
"""That every clip is taken to have beside its own: one word misheard of nine says little of a voice."""


class Misheard(NamedTuple):
    """Word errors, no more than there are words, and words."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Errors per word."""
        return self.errors / max(1, self.words)

    @property
    def share(self) -> float:
        """Errors per word of it and of `_WORDS_UNDERSTOOD` more: what versions are compared by."""
        return self.errors / (self.words + _WORDS_UNDERSTOOD)


class Said(NamedTuple):
    """What a clip's speaker says, and in which language."""

    text: str
    language: str


@dataclass(frozen=True)
class Listener:
    """Whisper, and what was to be said.

    Attributes:
        folder: Of the recogniser.
        texts: By utterance.
        sample_rate: Of what it hears, Hz.
    """

    folder: Path
    texts: Mapping[str, Said]
    sample_rate: int

    def hear(self, utterance_id: str, wave: Tensor) -> Misheard:
        """What is misheard of one utterance [S]."""
        said = self.texts[utterance_id]
        samples = resample(wave.float().cpu().numpy(), self.sample_rate, SAMPLE_RATE)
        # The training waits meanwhile: its threads listen.
        processor = Processor(threads=torch.get_num_threads())
        heard = recognise_whisper(samples, self.folder, said.language, _BEAM, processor)
        errors, words = word_errors(said.text, heard.text)
        return Misheard(min(errors, words), words)


def listener(
    recogniser: str | None, files: Mapping[str, Path], split: str, sample_rate: int
) -> Listener | None:
    """A listener for a split's clips; None where the recogniser is not on this machine.

    Args:
        recogniser: A folder; what is still a name was not found.
        files: The shard stage's.
        split: `validation`.
        sample_rate: Of what it will hear, Hz.
    """
    folder = Path(recogniser or "")
    if not folder.is_absolute() or not folder.is_dir():
        return None
    rows = (row for _, row in read_rows(files, split, ("utterance_id", "language", "words")))
    texts = {row["utterance_id"]: Said(" ".join(row["words"]), row["language"]) for row in rows}
    return Listener(folder, texts, sample_rate)
