"""What each utterance says, and in which language. A given transcript always wins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from configs.naming import named_in
from configs.transcribe import TranscribeSettings
from models.frontend.asr import (
    SAMPLE_RATE,
    Recognition,
    find_whisper,
    recognise_sphinx,
    recognise_whisper,
    require_whisper,
    word_error_rate,
)
from models.frontend.audio import decode_flac, resample
from models.frontend.language import foreign_share, has_words, identify, spoken_length
from models.frontend.text.inline import without_phones
from tasks.corpus.language import FILE as LANGUAGE_FILE
from tasks.stage import ConfigView, Outcome, Reject, reject

_FOREIGN_SHARE = 0.5


class _Language(NamedTuple):
    code: str | None
    confidence: float | None


def transcribe_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Text and language of each utterance.

    Raises:
        UserError: the named recogniser's model is not at hand.
    """
    corpus = json.loads(files["language"][LANGUAGE_FILE].read_text(encoding="utf-8"))
    return [_transcribe(row, corpus, cfg.corpus.transcribe) for row in rows]


def _transcribe(row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings) -> Outcome:
    if row["text"] is None:
        return _recognised(row, corpus, settings)
    return _given(row, corpus, settings)


def _given(row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings) -> Outcome:
    text = " ".join(row["text"].split())
    spoken = without_phones(text)
    language = _language_of(row, spoken, corpus)
    refusal = _refusal(row, spoken, language.code, settings)
    if refusal is not None:
        return Outcome(rejects=[refusal])
    made = _made(row, text, "given", language)
    warnings: list[str] = []
    if settings.check_given_text:
        heard = _recognise(row, language.code, settings)
        if heard is None:
            warnings.append(
                f"{row['utterance_id']}: its text was not checked: no recogniser for {language.code}"
            )
        else:
            made |= {
                "asr_text": heard.text,
                "asr_confidence": heard.confidence,
                "word_error_rate": word_error_rate(spoken, heard.text),
            }
    return Outcome(rows=[made], warnings=warnings)


def _recognised(row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings) -> Outcome:
    known = row["language"] or (corpus[0] if len(corpus) == 1 else None)
    heard = _recognise(row, known, settings)
    if heard is None:
        return Outcome(
            rejects=[
                reject(
                    row["utterance_id"],
                    "no_transcript",
                    "text",
                    "",
                    f"no text was given, and no recogniser for {known} is at hand",
                    "Give a transcript, or a faster-whisper model folder in corpus.transcribe.model.",
                )
            ]
        )
    source = "pocketsphinx" if heard.confidence is None else "faster-whisper"
    if heard.confidence is not None and heard.confidence < settings.min_asr_confidence:
        return Outcome(rejects=[_unsure(row, heard, settings)])
    language = _Language(heard.language, 1.0 if known else heard.language_confidence)
    refusal = _refusal(row, heard.text, language.code, settings)
    if refusal is not None:
        return Outcome(rejects=[refusal])
    made = _made(row, heard.text, source, language)
    made |= {"asr_text": heard.text, "asr_confidence": heard.confidence}
    warnings = []
    if source == "pocketsphinx":
        warnings.append(
            f"{row['utterance_id']}: transcribed by pocketsphinx as English; expect wrong words. "
            "Give a transcript or a faster-whisper model for a voice you want to keep."
        )
    return Outcome(rows=[made], warnings=warnings)


def _language_of(row: dict[str, Any], text: str, corpus: Sequence[str]) -> _Language:
    if row["language"]:
        return _Language(row["language"], 1.0)
    if len(corpus) == 1:
        return _Language(corpus[0], 1.0)
    found = identify(text, tuple(corpus)) if corpus else identify(text)
    return _Language(found.language, found.confidence)


def _recognise(row: dict[str, Any], language: str | None, settings: TranscribeSettings) -> Recognition | None:
    audio = decode_flac(row["audio"])
    samples = resample(audio.samples, audio.sample_rate, SAMPLE_RATE)
    folder = None
    if settings.backend == "faster-whisper":
        with named_in("corpus.transcribe"):
            folder = require_whisper(settings.model, settings.download)
    elif settings.backend == "auto":
        folder = find_whisper(settings.model, settings.download)
    if folder is not None:
        return recognise_whisper(samples, folder, language, settings.beam_size)
    if language is None or language.split("-")[0] == "en":
        return recognise_sphinx(samples)
    return None


def _refusal(
    row: dict[str, Any], text: str, language: str | None, settings: TranscribeSettings
) -> Reject | None:
    row_id = row["utterance_id"]
    if not text:
        return reject(row_id, "empty_text", "text", text, "the transcript is empty", "Write what is said.")
    if not has_words(text):
        return reject(
            row_id,
            "no_words",
            "text",
            text[:80],
            "the transcript holds no letter or digit",
            "Write what is said.",
        )
    share = foreign_share(text, language) if language else 0.0
    if share > _FOREIGN_SHARE:
        return reject(
            row_id,
            "text_mismatch",
            "text",
            text[:80],
            f"{share:.0%} of its letters belong to no script of the language {language}",
            "Correct the transcript, or state the language of this recording or of the corpus.",
        )
    letters_per_s = spoken_length(text) / max(row["duration_s"], 1e-3)
    if letters_per_s > settings.max_letters_per_s:
        return reject(
            row_id,
            "rate_outlier",
            "letters_per_s",
            f"{letters_per_s:.1f}",
            f"more text than {row['duration_s']:.1f} s can hold "
            f"(corpus.transcribe.max_letters_per_s = {settings.max_letters_per_s:g})",
            "Check that the transcript belongs to this recording.",
        )
    return None


def _unsure(row: dict[str, Any], heard: Recognition, settings: TranscribeSettings) -> Reject:
    return reject(
        row["utterance_id"],
        "unsure_transcript",
        "asr_confidence",
        f"{heard.confidence:.2f}",
        f"recognition is surer of noise than of words (below {settings.min_asr_confidence:g})",
        "Give a transcript, or lower corpus.transcribe.min_asr_confidence.",
    )


def _made(row: dict[str, Any], text: str, source: str, language: _Language) -> dict[str, Any]:
    return {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "text": text,
        "text_source": source,
        "language": language.code,
        "language_confidence": language.confidence,
        "asr_text": None,
        "asr_confidence": None,
        "word_error_rate": None,
    }
