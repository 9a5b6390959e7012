"""What each utterance says, and in which language. A given transcript always wins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from configs.transcribe import TranscribeSettings
from models.frontend.asr import Processor, Recognition, word_error_rate
from models.frontend.language import foreign_share, has_words, identify, spoken_length
from models.frontend.text.inline import without_phones
from models.frontend.text.sharing import Share, refit
from tasks.corpus.correction import DROPPED, Correction
from tasks.corpus.hearing import Ear, ear_for, processor_of
from tasks.corpus.language import FILE as LANGUAGE_FILE
from tasks.stage import ConfigView, Outcome, Reject, reject

_FOREIGN_SHARE = 0.5
_SURE_LANGUAGE = 0.8
"""From this on a recogniser's ear for languages contradicts what is stated."""


class _Language(NamedTuple):
    code: str | None
    confidence: float | None


def transcribe_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """Text and language of each utterance.

    Raises:
        UserError: the named recogniser's model, or the device, is not at hand.
    """
    processor = processor_of(cfg.compute)
    corpus = json.loads(files["language"][LANGUAGE_FILE].read_text(encoding="utf-8"))
    return [_transcribe(row, corpus, cfg.corpus.transcribe, processor) for row in rows]


def _transcribe(
    row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings, processor: Processor
) -> Outcome:
    correction: Correction | None = row.get("correction")
    if correction is not None and correction.what == "drop":
        return Outcome(rejects=[_dropped(row)])
    if correction is not None:
        # Whoever corrects a text has heard this very clip: it is no share of a longer text any more.
        row = row | {"text": correction.text, "text_before": None, "text_after": None}
    if row["text"] is None:
        return _recognised(row, corpus, settings, processor)
    return _given(row, corpus, settings, processor)


def _given(
    row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings, processor: Processor
) -> Outcome:
    text = " ".join(row["text"].split())
    is_share = row["text_before"] is not None
    around = f"{row['text_before']} {row['text_after']}"
    language = _language_of(row, without_phones(text or around), corpus)
    heard = None
    warnings: list[str] = []
    if is_share or settings.check_given_text:
        ear = ear_for(language.code, settings, processor)
        heard = ear.hear(row, language.code) if ear else None
        if heard is None and not is_share:
            warnings.append(
                f"{row['utterance_id']}: its text was not checked: no recogniser for {language.code}"
            )
    if is_share and heard is not None:
        text = refit(Share(row["text_before"], text, row["text_after"]), heard.text)
    if is_share and not text:
        return Outcome(rejects=[_without_share(row)])
    spoken = without_phones(text)
    refusal = _refusal(row, spoken, language.code, settings)
    if refusal is not None:
        return Outcome(rejects=[refusal])
    source = "shared" if is_share else "given" if row.get("correction") is None else "corrected"
    made = _made(row, text, source, language)
    if heard is not None:
        made |= {
            "asr_text": heard.text,
            "asr_confidence": heard.confidence or 0.0,
            "word_error_rate": word_error_rate(spoken, heard.text),
        }
    return Outcome(rows=[made], warnings=warnings)


def _recognised(
    row: dict[str, Any], corpus: Sequence[str], settings: TranscribeSettings, processor: Processor
) -> Outcome:
    stated = row["language"] or (corpus[0] if len(corpus) == 1 else None)
    ear = ear_for(stated, settings, processor)
    if ear is None or (stated is None and len(corpus) > 1 and not ear.tells_languages):
        spoken = stated or f"one of {', '.join(corpus)}"
        return Outcome(rejects=[_unheard(row, spoken)])
    heard = ear.hear(row, stated if stated and not ear.tells_languages else None)
    if stated and ear.hears_another(heard, stated):
        if (heard.language_confidence or 0.0) >= _SURE_LANGUAGE:
            return Outcome(rejects=[_other_language(row, heard, stated)])
        heard = ear.hear(row, stated)
    refusal = _unsure(row, heard, ear, stated, settings) or _refusal(
        row, heard.text, stated or heard.language, settings
    )
    if refusal is not None:
        return Outcome(rejects=[refusal])
    language = _Language(stated or heard.language, 1.0 if stated else heard.language_confidence)
    made = _made(row, heard.text, ear.name, language)
    made |= {"asr_text": heard.text, "asr_confidence": heard.confidence}
    warnings = []
    if ear.name == "pocketsphinx":
        assumed = "" if stated else ", which is assumed (set corpus.language)"
        warnings.append(
            f"{row['utterance_id']}: transcribed by pocketsphinx as English{assumed}; expect wrong words. "
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


def _dropped(row: dict[str, Any]) -> Reject:
    return reject(
        row["utterance_id"],
        DROPPED,
        "correction",
        "drop",
        "dropped by you",
        "Nothing; `voicewright corpus review` takes it back.",
    )


def _without_share(row: dict[str, Any]) -> Reject:
    return reject(
        row["utterance_id"],
        "empty_text",
        "text",
        "",
        "none of the long recording's transcript falls to this piece",
        "Nothing, if nobody speaks there; else check that the transcript is complete.",
    )


def _unheard(row: dict[str, Any], spoken: str) -> Reject:
    return reject(
        row["utterance_id"],
        "no_transcript",
        "text",
        "",
        f"no text was given, and no recogniser for {spoken} is at hand",
        "Give a transcript, or a faster-whisper model in corpus.transcribe.model "
        "(`voicewright models fetch whisper-base`).",
    )


def _other_language(row: dict[str, Any], heard: Recognition, stated: str) -> Reject:
    return reject(
        row["utterance_id"],
        "other_language",
        "language",
        heard.language,
        f"it sounds like {heard.language} ({heard.language_confidence:.0%} sure), not {stated}",
        "Remove it, or correct corpus.language or this recording's language.",
    )


def _unsure(
    row: dict[str, Any], heard: Recognition, ear: Ear, stated: str | None, settings: TranscribeSettings
) -> Reject | None:
    """Refusal of what was heard with too little confidence; an ear for English alone must be surer."""
    assumed = stated is None and not ear.tells_languages
    limit = max(settings.min_asr_confidence, ear.english_confidence if assumed else 0.0)
    if heard.confidence is None or heard.confidence >= limit:
        return None
    why = f"recognition is surer of noise than of words (below {limit:g})"
    if assumed:
        why = f"it was taken for English, and does not sound like it to {ear.name} (below {limit:g})"
    return reject(
        row["utterance_id"],
        "unsure_transcript",
        "asr_confidence",
        f"{heard.confidence:.2f}",
        why,
        "Set corpus.language, give a transcript, or lower corpus.transcribe.min_asr_confidence."
        if not assumed
        else "Set corpus.language, and give a transcript or a faster-whisper model that knows the language.",
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
