"""What every family's voice makes of pauses, speeds and other takes; its own tests call these."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.release.manuscript import marks_of
from tasks.release.voice import Piece, SpeakOptions, Voice

PLAIN = "One two. Three four five six! Seven."
PAUSED = "One two. [pause 500ms] Three four [pause 123ms] five six! Seven. [pause 1s]"
ALONE = SpeakOptions(seed=5, batch_sentences=1)


def check_pauses(voice: Voice[Any], own_pause_s: float) -> None:
    """They are silent, as long as asked for to a sample, and change nothing but the edges that they meet."""
    rate = voice.sample_rate
    pieces = list(voice.pieces(PAUSED, ALONE))
    assert [(piece.text, piece.sentence) for piece in pieces] == [
        ("One two.", 0), ("Three four", 1), ("five six!", 1), ("Seven.", 2),
    ]  # fmt: skip
    leads = [piece.speech[0] for piece in pieces]
    assert leads == [round(seconds * rate) for seconds in (0, 0.5, 0.123, own_pause_s)]
    assert [len(piece.samples) - piece.speech[1] for piece in pieces] == [0, 0, 0, rate]
    for piece in pieces:
        start, end = piece.speech
        assert end > start
        assert not piece.samples[:start].any() and not piece.samples[end:].any()
    first, _, last = voice.pieces(PLAIN, ALONE)
    assert np.array_equal(pieces[0].samples, first.samples[: len(pieces[0].samples)])
    start, end = pieces[3].speech
    assert np.array_equal(pieces[3].samples[start:end], last.samples[start:end])


def check_other_takes(voice: Voice[Any]) -> None:
    """A sentence is said in another way, and the rest sample for sample as before, in whatever batch."""
    text = PLAIN + " Eight nine ten."
    plain = _samples(voice.pieces(text, SpeakOptions(seed=5)))
    again = _samples(voice.pieces(text, SpeakOptions(seed=5, takes={1: 1})))
    for number, (one, other) in enumerate(zip(plain, again, strict=True)):
        assert np.array_equal(one, other) == (number != 1)
    both = _samples(voice.pieces(text, SpeakOptions(seed=5, takes={1: 1, 3: 2})))
    assert np.array_equal(both[1], again[1]) and np.array_equal(both[2], plain[2])
    assert not np.array_equal(both[3], plain[3])
    second = _samples(voice.pieces(text, SpeakOptions(seed=5, takes={1: 2})))
    assert not np.array_equal(second[1], again[1]) and not np.array_equal(second[1], plain[1])


def check_speeds(voice: Voice[Any]) -> None:
    """What is marked slow takes longer, and what is not does not."""
    text = '<speak>One two <prosody rate="{}">three four five six</prosody> seven.</speak>'
    lengths = [
        sum(
            end - start
            for start, end in (
                piece.speech for piece in voice.pieces(marks_of(text.format(rate), "en"), ALONE)
            )
        )
        for rate in ("x-slow", "80%", "200%")
    ]
    assert lengths[0] > lengths[1] > lengths[2]


def check_words(pieces: list[Piece], frame_samples: int) -> None:
    """Words and their phones follow each other without a gap but at marks, on frames, in the speech."""
    for piece in pieces:
        assert piece.words
        start, end = piece.speech
        edges = [at for word in piece.words for at in (word.start, word.end)]
        assert edges == sorted(edges) and start <= edges[0] and edges[-1] <= end
        for word in piece.words:
            bounds = [word.start, *(at for phone in word.phones for at in (phone.start, phone.end)), word.end]
            assert bounds[0::2] == bounds[1::2]
        inner = [at for at in edges if start < at < end]
        assert len({at % frame_samples for at in inner}) == 1


def _samples(pieces: Any) -> list[np.ndarray]:
    return [piece.samples for piece in pieces]
