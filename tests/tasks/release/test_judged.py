"""Judges tell speakers, words and loudness apart, on real recordings."""

from __future__ import annotations

import numpy as np
import pytest

from models.frontend.audio import Waveform
from models.frontend.espeak import synthesize
from tasks.corpus.embedded import embedded
from tasks.release.judged import Utterance, embeddings, judge, judge_recordings


@pytest.fixture(scope="module")
def recordings() -> list[Utterance]:
    return [Utterance(one.text, one.wave()) for one in embedded("held-out")]


def _by_espeak(text: str) -> Waveform:
    spoken = synthesize(text, voice="en-us")
    return Waveform(spoken.samples, spoken.sample_rate)


def text_of(recordings: list[Utterance]):
    """A recogniser that hears each recording's own words, one after the other."""
    texts = iter([one.text for one in recordings])
    return lambda samples_16k: next(texts)


@pytest.mark.slow
def test_a_speaker_is_most_like_herself(recordings: list[Utterance]) -> None:
    own = judge_recordings(recordings, text_of(recordings))
    speaker = embeddings(recordings)
    stranger = [Utterance(one.text, _by_espeak(one.text)) for one in recordings]
    other = judge(stranger, speaker, text_of(stranger))
    fitted = [Utterance(one.text, one.wave()) for one in embedded("fit")]
    same = judge(fitted, speaker, text_of(fitted))
    assert own.similarity > 0.9
    assert same.similarity > 0.9
    assert other.similarity < 0.7
    assert own.errors == 0


@pytest.mark.slow
def test_words_are_counted_over_all_utterances(recordings: list[Utterance]) -> None:
    deaf = judge_recordings(recordings, lambda samples_16k: "")
    assert deaf.errors == deaf.words == 45
    assert deaf.error_rate == 1.0
    (first, *_) = recordings
    speaker = embeddings(recordings)
    misheard = judge([first], speaker, lambda samples_16k: first.text.replace("block", "black"))
    assert (misheard.errors, misheard.words) == (1, len(first.text.split()))


@pytest.mark.slow
def test_loudness_follows_the_level(recordings: list[Utterance]) -> None:
    quiet = [
        Utterance(one.text, Waveform(np.float32(0.5) * one.wave.samples, one.wave.sample_rate))
        for one in recordings
    ]
    loud = judge_recordings(recordings, text_of(recordings)).loudness_lufs
    assert judge_recordings(quiet, text_of(quiet)).loudness_lufs == pytest.approx(loud - 6.02, abs=0.05)


def test_recordings_are_resampled_for_the_recogniser(recordings: list[Utterance]) -> None:
    heard: list[int] = []

    def listen(samples_16k: np.ndarray) -> str:
        heard.append(len(samples_16k))
        return ""

    judge_recordings(recordings, listen)
    seconds = [len(one.wave.samples) / one.wave.sample_rate for one in recordings]
    assert heard == pytest.approx([16_000 * s for s in seconds], abs=2)
