"""Pauses, speeds, other takes and times of words of a StyleTTS 2 voice."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.spelling import spelled_whole
from tasks.release.styletts2.voice import StyleTTS2Voice
from tasks.release.voice import SpeakOptions
from tests.tasks.release import marked_speech

pytestmark = pytest.mark.slow


@pytest.fixture
def voice(voice_folder: Path) -> StyleTTS2Voice:
    loaded = load_voice(voice_folder)
    assert isinstance(loaded, StyleTTS2Voice)
    return loaded


def test_pauses_are_exact(voice: StyleTTS2Voice) -> None:
    """Without the style that a sentence carries over from the one before it, nothing else changes."""
    marked_speech.check_pauses(voice.with_manner({"carry_over": 0.0}), voice.manner.pause_s)
    marked_speech.check_pauses(voice.with_manner({"alpha": 0.0, "beta": 0.0, "pause_s": 0.0}), 0.0)


@pytest.mark.parametrize("manner", [{}, {"style": "diffusion"}, {"alpha": 0.0, "beta": 0.0}])
def test_one_sentence_is_said_again(voice: StyleTTS2Voice, manner: dict[str, object]) -> None:
    """What carries over comes from the first take, so that all others stay."""
    changed = voice.with_manner(manner)
    marked_speech.check_other_takes(changed)
    assert changed.seed_changes == ("noise" if "alpha" in manner else "speech")


def test_speeds_change_durations(voice: StyleTTS2Voice) -> None:
    marked_speech.check_speeds(voice)


def test_times_are_those_of_the_tokens(voice: StyleTTS2Voice) -> None:
    """Computed here once more from what the networks alone say."""
    plain = voice.with_manner({"alpha": 0.0, "beta": 0.0})
    (sentence,) = read_sentences("One two, three!", "en", ("en",), "ipa")
    own = spelled_whole(sentence, "styletts2")
    ids = torch.tensor([own.tokens.ids])
    style = torch.from_numpy(plain.reference_of(None).style)[None]
    with torch.no_grad():
        read = plain.model.read(ids, torch.tensor([ids.shape[1]]))
        frames = plain.model.predict_prosody(read, style).token_frames[0].tolist()
    config = plain.model.config
    front = min(plain.family.edge_silence_samples, frames[0] * config.frame_samples)
    back = min(plain.family.edge_silence_samples, frames[-1] * config.frame_samples)
    ends = [end * config.frame_samples for end in itertools.accumulate(frames)]
    (piece,) = plain.pieces("One two, three!")
    assert piece.words is not None
    assert len(piece.samples) == max(config.frame_samples, ends[-1] - front - back)
    delay = config.frame_delay * config.frame_samples
    last_of = {phone: at for at, phone in enumerate(own.tokens.phone_of)}
    counts = list(itertools.accumulate(len(word.phones) for word in own.words))
    for timed, number in zip(piece.words, (0, 1, 3), strict=True):
        expected = ends[last_of[counts[number] - 1]] + delay - front
        assert timed.end == min(len(piece.samples), expected)


def test_words_follow_each_other(voice: StyleTTS2Voice) -> None:
    text = "One two three, four. Five six [pause 200ms] seven."
    for options in (SpeakOptions(seed=5), SpeakOptions(seed=5, batch_sentences=1, speed=0.7)):
        pieces = list(voice.pieces(text, options))
        assert [len(piece.words or ()) for piece in pieces] == [4, 2, 1]
        marked_speech.check_words(pieces, voice.model.config.frame_samples)
