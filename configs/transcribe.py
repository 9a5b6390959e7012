"""Settings of the stage that settles what is said, and in which language."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section


class TranscribeSettings(Section):
    """corpus.transcribe: a given transcript always wins."""

    backend: Literal["auto", "faster-whisper", "pocketsphinx"] = Field(
        default="auto",
        description="Recogniser for utterances without text. auto: faster-whisper where its model is "
        "at hand, else pocketsphinx for English (rough: a quarter of the words wrong on clean reading). "
        "It also finds where the pieces of a long recording end in its transcript.",
    )
    model: str = Field(
        default="Systran/faster-whisper-large-v3",
        description="faster-whisper model: hub id, folder with model.bin, or a name from `models list`; left "
        "as it is, `whisper-base` or else `whisper-tiny.en` stands in for it where they were fetched.",
    )
    download: bool = Field(
        default=False, description="Whether the model may be fetched from the hub during a run."
    )
    beam_size: int = Field(default=5, ge=1, le=20, description="Hypotheses kept by faster-whisper.")
    check_given_text: bool = Field(
        default=False,
        description="Also recognise utterances that have text, so that screening can compare (slow).",
    )
    min_asr_confidence: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="Recognised text less sure than this is rejected; where English is only assumed and the "
        "recogniser knows no other language, it must be surer.",
    )
    max_letters_per_s: float = Field(
        default=45.0,
        gt=5.0,
        description="Text with more letters per second of audio is rejected before it can spoil the aligner; "
        "a Chinese or Japanese character counts as three.",
    )
