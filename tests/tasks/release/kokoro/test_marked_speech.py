"""Pauses, speeds, other takes and times of words of a Kokoro voice."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from models.kokoro.upstream import voice_rows_of
from tasks.release.kokoro.voice import KokoroVoice
from tasks.release.manuscript import marks_of
from tasks.release.sentences import read_sentences
from tasks.release.speak import load_voice
from tasks.release.spelling import spelled_whole
from tasks.release.voice import SpeakOptions
from tests.tasks.release import marked_speech

pytestmark = pytest.mark.slow


@pytest.fixture
def voice(voice_folder: Path) -> KokoroVoice:
    loaded = load_voice(voice_folder)
    assert isinstance(loaded, KokoroVoice)
    return loaded


def test_pauses_are_exact(voice: KokoroVoice) -> None:
    marked_speech.check_pauses(voice, 0.0)
    marked_speech.check_pauses(voice.with_manner({"keep_edges": False, "pause_s": 0.2}), 0.2)


def test_one_sentence_is_said_again(voice: KokoroVoice) -> None:
    marked_speech.check_other_takes(voice)
    assert voice.seed_changes == "noise"


def test_speeds_change_durations_alone(voice: KokoroVoice) -> None:
    marked_speech.check_speeds(voice)
    text = '<speak>One two <prosody rate="x-slow">three</prosody> four.</speak>'
    (slow,) = voice.pieces(marks_of(text, "en"), SpeakOptions(seed=5))
    assert slow.words is not None and [word.text for word in slow.words] == ["One", "two", "three", "four"]


def test_times_are_those_of_the_tokens(voice: KokoroVoice) -> None:
    """Computed here once more from what the networks alone say."""
    (sentence,) = read_sentences("One two, three!", "en", ("en",), "ipa")
    own = spelled_whole(sentence, "kokoro")
    ids = torch.tensor([own.tokens.ids])
    lengths = torch.tensor([ids.shape[1]])
    with torch.no_grad():
        row = voice_rows_of(voice.reference_of(None).table, lengths)
        frames = voice.model.forward_train(ids, lengths, row).token_frames[0].tolist()
    ends = [end * voice.model.config.frame_samples for end in itertools.accumulate(frames)]
    (piece,) = voice.pieces("One two, three!")
    assert piece.words is not None
    assert ends[-1] == len(piece.samples) == piece.speech[1]
    phone_of, begins = own.tokens.phone_of, [0, *ends]
    at = 0
    for word, timed in zip([one for one in own.words if one.text.isalpha()], piece.words, strict=True):
        assert timed.text == word.text
        first, last = phone_of.index(at), len(phone_of) - 1 - phone_of[::-1].index(at + len(word.phones) - 1)
        # The space before a word is the word's; the comma stands between the second and the third.
        first -= phone_of[first - 1] < 0 and first > 1
        assert (timed.start, timed.end) == (begins[first], ends[last])
        at += len(word.phones) + (word.text == "two")
    assert piece.words[0].end == piece.words[1].start < piece.words[1].end < piece.words[2].start


def test_times_hold_in_parts_without_edges_in_batches_and_at_any_speed(voice: KokoroVoice) -> None:
    text = "One two three four, five six seven eight nine. Ten. Eleven [pause 200ms] twelve."
    frame = voice.model.config.frame_samples
    for manner in ({}, {"keep_edges": False, "pause_s": 0.1}, {"max_phonemes": 24}):
        changed = voice.with_manner(manner)
        for speed in (0.7, 1.6):
            alone, together = (
                list(changed.pieces(text, SpeakOptions(seed=5, batch_sentences=batch, speed=speed)))
                for batch in (1, 4)
            )
            marked_speech.check_words([piece for piece in together if manner == {}], frame)
            assert [len(piece.words or ()) for piece in together] == [9, 1, 1, 1]
            for one, other in zip(alone, together, strict=True):
                assert len(one.samples) == len(other.samples) or one.text in ("Eleven", "twelve.")
                assert [word.text for word in one.words or ()] == [word.text for word in other.words or ()]
                ends = [word.end for word in other.words or ()]
                assert ends == sorted(ends) and ends[-1] <= other.speech[1]
    whole = np.concatenate([piece.samples for piece in voice.pieces(text)])
    assert len(whole) == sum(len(piece.samples) for piece in voice.pieces(text))
