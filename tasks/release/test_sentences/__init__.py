"""Sentences that every version of a voice is judged by: our own wording, in no corpus, without figures.

They are the same for all voices of a language and all their versions, so that these are compared on them
whatever became of the recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from artifacts import digest
from models.frontend.audio import Samples
from models.frontend.text.phonemized import base_language
from models.seeds import derive_seed
from tasks.release.voice import SpeakOptions, Voice

READS_FILES = (
    "de.txt", "en.txt", "es.txt", "fr.txt", "it.txt", "ja.txt", "nl.txt", "pl.txt", "pt.txt", "zh.txt",
)  # fmt: skip
_FOLDER = Path(__file__).parent


class Spoken(NamedTuple):
    """A sentence as a voice says it.

    Attributes:
        utterance_id: Of its text, so that the same sentence has the same one in every version.
        seconds: That it took to say it.
        cut_off: No end was found, and it was stopped.
    """

    utterance_id: str
    text: str
    language: str
    speaker: str
    samples: Samples
    seconds: float
    cut_off: bool = False


def sentences(language: str) -> tuple[str, ...]:
    """The sentences of a language, always in the same order; none where there are none."""
    path = _FOLDER / f"{base_language(language)}.txt"
    return tuple(path.read_text(encoding="utf-8").splitlines()) if path.name in READS_FILES else ()


def spoken(voice: Voice[Any], count: int, seed: int) -> Iterator[Spoken]:
    """The first sentences of the voice's first language, said one by one by its first speaker."""
    language = voice.languages[0]
    for text in sentences(language)[:count]:
        name = f"sentence-{digest.of_bytes(text.encode())[:8]}"
        began_s = perf_counter()
        options: SpeakOptions[Any] = SpeakOptions(seed=derive_seed(seed, "sentences", name))
        pieces = list(voice.pieces(text, options))
        samples = np.concatenate([piece.samples for piece in pieces])
        took_s, cut_off = perf_counter() - began_s, any(piece.cut_off for piece in pieces)
        yield Spoken(name, text, language, voice.default_speaker, samples, took_s, cut_off)
