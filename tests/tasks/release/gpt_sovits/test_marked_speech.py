"""Pauses, speeds and other takes of a GPT-SoVITS voice, which cannot tell when it says each word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.release.gpt_sovits.voice import GptSovitsVoice
from tasks.release.manuscript import marks_of
from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tests.tasks.release import marked_speech


@pytest.fixture
def voice(voice_folder: Path) -> GptSovitsVoice:
    return load_voice(voice_folder)


def test_pauses_are_exact(voice: GptSovitsVoice) -> None:
    marked_speech.check_pauses(voice, voice.manner.pause_s)


def test_one_sentence_is_said_again(voice: GptSovitsVoice) -> None:
    marked_speech.check_other_takes(voice)


def test_manners_that_leave_nothing_to_chance_say_so(voice: GptSovitsVoice) -> None:
    changed = [voice.with_manner(manner).seed_changes for manner in ({}, {"top_k": 1})]
    assert changed == ["speech", "noise"]
    fixed = voice.with_manner({"top_k": 1, "noise_scale": 0.0})
    assert fixed.seed_changes == "nothing"
    one, other = (fixed.speak("One two.", SpeakOptions(takes=takes)).samples for takes in ({}, {0: 1}))
    assert np.array_equal(one, other)


@pytest.mark.slow
def test_speeds_are_of_parts(voice: GptSovitsVoice) -> None:
    marked_speech.check_speeds(voice)
    text = '<speak>One <prosody rate="fast">two</prosody> three.</speak>'
    pieces = list(voice.pieces(marks_of(text, "en")))
    assert [(piece.text, piece.sentence) for piece in pieces] == [("One", 0), ("two", 0), ("three.", 0)]
    assert all(piece.words is None for piece in pieces)
    assert [piece.speech[0] for piece in pieces] == [0, 0, 0]
