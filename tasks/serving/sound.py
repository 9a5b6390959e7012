"""A whole text as the bytes of a file."""

from __future__ import annotations

from typing import Any

from tasks.release.manuscript import marks_of
from tasks.release.voice import SpeakOptions, Voice
from tasks.serving.encoding import Format, encoder_of


def sound_of(voice: Voice[Any], text: str, form: Format, *, speed: float, seed: int) -> bytes:
    """Speak a text.

    Args:
        voice: Who speaks.
        text: Plain with `[pause 500ms]`, or SSML.
        form: Of the file.
        speed: Above 1 is faster.
        seed: The same one gives the same bytes.

    Raises:
        UserError: the text cannot be spoken.
    """
    encoder = encoder_of(form, voice.sample_rate)
    options: SpeakOptions[Any] = SpeakOptions(seed=seed, speed=speed, batch_sentences=1)
    parts = [
        encoder.add(piece.samples)
        for piece in voice.pieces(marks_of(text, voice.checked_language(None)), options)
    ]
    return b"".join([*parts, encoder.end()])
