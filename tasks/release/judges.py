"""Who judges renderings: a recogniser, a second speaker encoder, two predictors of naturalness.

None of them has a part in training. Each is asked where its weights are on this machine, and the name of who
was asked is part of what a measure is about: measures of different judges are never compared.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.frontend.asr import (
    SAMPLE_RATE,
    Processor,
    recognise_sphinx,
    recognise_whisper,
    whisper_language,
    whisper_languages,
    word_errors,
)
from models.frontend.audio import Samples, Waveform, resample
from models.frontend.text.normalize import normalize, normalized_text
from models.frontend.text.phonemized import base_language
from models.metrics.artefacts import artefacts
from models.metrics.distillmos import FILE as DISTILLMOS
from models.metrics.distillmos import distillmos
from models.metrics.naturalness import FILE as DNSMOS
from models.metrics.naturalness import dnsmos
from models.speaker.dvector import FILE as DVECTOR
from models.speaker.dvector import embed_dvector

_UNSPACED = ("zh", "yue", "ja", "th", "lo", "my", "km")
"""Languages whose words are not told by spaces: characters are counted alone."""
_BEAM = 5
_ENGLISH = "en"


@dataclass(frozen=True)
class Judges:
    """Whoever is here.

    Attributes:
        whisper: Folder of the recogniser; None is pocketsphinx, for English alone.
        listens: Whether anybody recognises words at all.
        naturalness: Folder of the predictor.
        encoder: Folder of the second speaker encoder.
        threads: Of the recogniser, which hears the same with any number of them.
        second_naturalness: Folder of another predictor.
    """

    whisper: Path | None
    listens: bool
    naturalness: Path | None
    encoder: Path | None
    threads: int = 1
    second_naturalness: Path | None = None

    @classmethod
    def of(cls, settings: Any, threads: int = 1) -> Judges:
        """Those of `release.evaluate` whose weights are on this machine: their settings are paths then."""
        whisper = _here(settings.recogniser)
        return cls(
            whisper,
            settings.recogniser is not None,
            _here(settings.naturalness),
            _here(settings.encoder),
            threads,
            _here(settings.second_naturalness),
        )

    def recogniser(self, language: str) -> str | None:
        """Who hears words of a language, by name; None where nobody does."""
        if not self.listens:
            return None
        if self.whisper is not None and whisper_language(
            language, whisper_languages(self.whisper, self._processor)
        ):
            return self.whisper.name
        return "pocketsphinx" if base_language(language) == _ENGLISH else None

    def about(self, language: str) -> dict[str, str]:
        """What each metric is, by its name."""
        found = dict(_ABOUT)
        hears = self.recogniser(language)
        if hears is not None:
            found["character_error_rate"] = f"edits per character of the text, heard by {hears}"
            if base_language(language) not in _UNSPACED:
                found["word_error_rate"] = f"edits per word of the text, heard by {hears}"
        if self.encoder is not None:
            found["independent_similarity"] = (
                "cosine to the speaker's recordings by an encoder that no training knows"
            )
        if self.naturalness is not None:
            found["dnsmos"] = "opinion of listeners as DNSMOS P.835 predicts it, 1 to 5"
        if self.second_naturalness is not None:
            found["distillmos"] = "opinion of listeners as DistillMOS predicts it, 1 to 5"
        return found

    def judge(self, wave: Waveform, text: str, language: str) -> dict[str, float]:
        """Every measure of one utterance that needs nothing to compare it with.

        Beside error rates stand the `words` and `characters` that they are of.
        """
        samples = resample(*wave, SAMPLE_RATE)
        found = dict(artefacts(*wave)._asdict())
        if self.recogniser(language) is not None:
            found |= self._misheard(samples, text, language)
        if self.naturalness is not None:
            found["dnsmos"] = dnsmos(samples, self.naturalness / DNSMOS).overall
        if self.second_naturalness is not None:
            found["distillmos"] = distillmos(samples, self.second_naturalness / DISTILLMOS)
        return found

    def embedding(self, wave: Waveform) -> NDArray[np.float32] | None:
        """Who speaks, by the second encoder."""
        if self.encoder is None:
            return None
        return embed_dvector(resample(*wave, SAMPLE_RATE), self.encoder / DVECTOR)

    @property
    def _processor(self) -> Processor:
        return Processor(threads=self.threads)

    def _misheard(self, samples: Samples, text: str, language: str) -> dict[str, float]:
        if self.recogniser(language) == "pocketsphinx" or self.whisper is None:
            heard = recognise_sphinx(samples).text
        else:
            heard = recognise_whisper(samples, self.whisper, language, _BEAM, self._processor).text
        wanted, got = (_spelled(one, base_language(language)) for one in (text, heard))
        # A word of one letter each: the same edits are counted in characters.
        counted = {"character": word_errors(_letters(wanted), _letters(got))}
        if base_language(language) not in _UNSPACED:
            counted["word"] = word_errors(wanted, got)
        found = {f"{unit}_error_rate": one.errors / max(one.words, 1) for unit, one in counted.items()}
        return found | {f"{unit}s": float(one.words) for unit, one in counted.items()}


_ABOUT = {
    "clicks_per_minute": "samples that jump out of their surroundings",
    "clipped_share": "share of samples at full scale",
    "dc_offset": "mean of the samples, of full scale",
    "silence_share": "share of frames 50 dB below the loudest",
}


def _here(value: str | None) -> Path | None:
    """A setting's folder; what is still a name was not found."""
    path = Path(value or "")
    return path if path.is_absolute() and path.is_dir() else None


def _spelled(text: str, language: str) -> str:
    """As it is read aloud, so that "7" and "seven" are the same. language: base code."""
    return normalized_text(normalize(text, language), language)


def _letters(text: str) -> str:
    kept = unicodedata.normalize("NFKC", text).lower()
    return " ".join(character for character in kept if character.isalnum())
