"""Who listens to a corpus: the recogniser at hand for a language, and what it makes of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.naming import named_in
from configs.transcribe import TranscribeSettings
from models.frontend.asr import (
    ONE_THREAD,
    SAMPLE_RATE,
    Processor,
    Recognition,
    find_whisper,
    recognise_sphinx,
    recognise_whisper,
    require_whisper,
    whisper_language,
    whisper_languages,
)
from models.frontend.audio import decode_flac, resample

ENGLISH = "en"
_ENGLISH_CONFIDENCE = {"pocketsphinx": 0.45, "faster-whisper": 0.55}
"""Below these a recogniser that knows English alone is not believed that it hears English: pocketsphinx is at
.43 to .67 on English of three corpora and .12 to .49 on eight other languages."""


@dataclass(frozen=True)
class Ear:
    """A recogniser.

    Attributes:
        folder: faster-whisper's model; None is pocketsphinx.
        beam_size: Hypotheses that faster-whisper keeps.
        processor: What faster-whisper computes on.
    """

    folder: Path | None
    beam_size: int
    processor: Processor = ONE_THREAD

    @property
    def name(self) -> str:
        return "pocketsphinx" if self.folder is None else "faster-whisper"

    @property
    def tells_languages(self) -> bool:
        """Whether it knows more than English."""
        return self.folder is not None and len(whisper_languages(self.folder, self.processor)) > 1

    def hears_another(self, heard: Recognition, stated: str) -> bool:
        """Whether it tells the language and heard another one; False for a language that it does not know."""
        if self.folder is None or heard.language_confidence is None:
            return False
        known = whisper_language(stated, whisper_languages(self.folder, self.processor))
        return known is not None and known != heard.language

    @property
    def english_confidence(self) -> float:
        """Confidence from which on one that knows English alone is taken to hear English."""
        return _ENGLISH_CONFIDENCE[self.name]

    def hear(self, row: Mapping[str, Any], language: str | None) -> Recognition:
        """A row's `audio`. language: None where it is to be told by ear."""
        audio = decode_flac(row["audio"])
        samples = resample(audio.samples, audio.sample_rate, SAMPLE_RATE)
        if self.folder is None:
            return recognise_sphinx(samples)
        with named_in("compute"):
            return recognise_whisper(samples, self.folder, language, self.beam_size, self.processor)


def processor_of(compute: Any) -> Processor:
    """What recognition computes on, by `compute`: its workers, one process each, share the threads."""
    return Processor(compute.device, max(1, compute.threads // compute.workers))


def ear_for(
    language: str | None, settings: TranscribeSettings, processor: Processor = ONE_THREAD
) -> Ear | None:
    """The recogniser that the settings choose, if it may know the language; None where none does.

    Raises:
        UserError: the named recogniser's model is not at hand, or was to be fetched and could not be.
    """
    folder = None
    if settings.backend == "faster-whisper":
        with named_in("corpus.transcribe"):
            folder = require_whisper(settings.model, settings.download)
    elif settings.backend == "auto":
        with named_in("corpus.transcribe"):
            folder = find_whisper(settings.model, settings.download)
    ear = Ear(folder, settings.beam_size, processor)
    foreign = language is not None and language.split("-")[0].lower() != ENGLISH
    return None if foreign and not ear.tells_languages else ear
