"""Speech judged as listeners would: are the words understood, is it the speaker, is it as loud.

Each judge hears waveforms and nothing of how they were made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.frontend.activity import ANALYSIS_RATE, analyse_activity
from models.frontend.asr import word_errors
from models.frontend.audio import Samples, Waveform, resample
from models.frontend.loudness import integrated_loudness
from models.speaker.encoder import embed_speaker

Recogniser = Callable[[Samples], str]
"""Samples `[S]` at 16 kHz to the words that are heard."""


class Utterance(NamedTuple):
    """Something said.

    Attributes:
        text: What was to be said.
        wave: What is heard.
    """

    text: str
    wave: Waveform


class Judgement(NamedTuple):
    """Of several utterances.

    Attributes:
        errors: Words that a recogniser hears wrong, misses or adds.
        words: Of the texts.
        similarity: Cosine of speaker embeddings to the speaker's recordings, mean over the utterances.
        loudness_lufs: After BS.1770, of all utterances together.
    """

    errors: int
    words: int
    similarity: float
    loudness_lufs: float

    @property
    def error_rate(self) -> float:
        """Word errors per word."""
        return self.errors / self.words


def judge(
    said: Sequence[Utterance], speaker: Sequence[NDArray[np.float32]], recogniser: Recogniser
) -> Judgement:
    """Judge utterances of a voice.

    Args:
        said: One or more.
        speaker: Embeddings of recordings of the speaker that the voice did not learn from.
        recogniser: Who listens.
    """
    return _judged(said, similarities(said, speaker), recogniser)


def judge_recordings(recordings: Sequence[Utterance], recogniser: Recogniser) -> Judgement:
    """Judge a speaker's recordings, each beside the others: what no voice can do better.

    Args:
        recordings: Two or more.
        recogniser: Who listens.
    """
    all_of_them = embeddings(recordings)
    similar = [
        float(own @ centre([other for other in all_of_them if other is not own])) for own in all_of_them
    ]
    return _judged(recordings, similar, recogniser)


def similarities(said: Sequence[Utterance], speaker: Sequence[NDArray[np.float32]]) -> list[float]:
    """Of each utterance; see `judge`."""
    middle = centre(speaker)
    return [float(_embedded(one) @ middle) for one in said]


def embeddings(recordings: Sequence[Utterance]) -> list[NDArray[np.float32]]:
    """Who speaks, by the encoder that is shipped (GE2E)."""
    return [_embedded(one) for one in recordings]


def _judged(said: Sequence[Utterance], similar: Sequence[float], recogniser: Recogniser) -> Judgement:
    counted = [
        word_errors(one.text, recogniser(resample(one.wave.samples, one.wave.sample_rate, ANALYSIS_RATE)))
        for one in said
    ]
    rate = said[0].wave.sample_rate
    together = np.concatenate([one.wave.samples for one in said])
    return Judgement(
        errors=sum(one.errors for one in counted),
        words=sum(one.words for one in counted),
        similarity=float(np.mean(similar)),
        loudness_lufs=integrated_loudness(together, rate),
    )


def _embedded(one: Utterance) -> NDArray[np.float32]:
    samples, rate = one.wave.samples, one.wave.sample_rate
    return embed_speaker(samples, rate, analyse_activity(samples, rate), "resemblyzer", "", download=False)


def centre(found: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The direction in the middle of embeddings, of unit length."""
    mean = np.mean(np.stack(found), axis=0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)
