"""The clips of a voice's corpus for a review, the most doubtful first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from configs.errors import UserError
from models.frontend.audio import Waveform, decode_flac, resample
from tasks.corpus.correction import Correction
from tasks.corpus.corrections_file import read_corrections
from tasks.pipeline import Pipeline
from tasks.review.doubts import Doubt, Measured, Word, doubts, heard_beside

PLAYER_RATE = 16_000
_TEXTS = ["utterance_id", "text", "text_source", "language", "asr_text", "asr_confidence", "word_error_rate"]


class Reviewed(NamedTuple):
    """A clip on the page.

    Attributes:
        text: What it is taken to say now.
        heard: By a recogniser, where one listened and the text is not its own.
        correction: What was corrected before.
    """

    clip: str
    speaker: str
    language: str
    text: str
    duration_s: float
    wave: Waveform
    doubt: Doubt
    heard: tuple[Word, ...]
    correction: Correction | None


class Review(NamedTuple):
    """What the page shows.

    Attributes:
        clips: The most doubtful of `total`.
        lost: Clips that were corrected and are not there any more.
    """

    voice: str
    clips: tuple[Reviewed, ...]
    total: int
    lost: tuple[str, ...]


def review_of(pipeline: Pipeline, count: int) -> Review:
    """The most doubtful clips of a voice's corpus.

    Raises:
        UserError: the corpus has not been read with the present recordings, settings and corrections.
    """
    for stage in ("segment", "transcribe"):
        if pipeline.known(stage) is None:
            raise UserError(
                f"{pipeline.voice}: its corpus is not read with the present recordings and corrections "
                f"(stage {stage} is not done); run `voicewright finetune` first, `--until screen` suffices"
            )
    path = pipeline.settings.corpus.corrections
    known = read_corrections(Path(path)) if path else {}
    segments = pipeline.table(
        "segment", ["utterance_id", "speaker", "text", "language", "duration_s"]
    ).to_pylist()
    texts = _by_id(pipeline, "transcribe", _TEXTS)
    measured = [_measured(row, texts, known) for row in _with_scores(pipeline, segments)]
    found = doubts(measured)
    ranked = sorted(segments, key=lambda row: (-found[row["utterance_id"]].amount, row["utterance_id"]))[
        :count
    ]
    sounds = _sounds(pipeline, [row["utterance_id"] for row in ranked])
    shown = [
        _reviewed(row, texts.get(row["utterance_id"]), found, sounds, known.get(row["utterance_id"]))
        for row in ranked
    ]
    lost = sorted(set(known) - {row["utterance_id"] for row in segments})
    return Review(pipeline.voice, tuple(shown), len(segments), tuple(lost))


def _with_scores(pipeline: Pipeline, segments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with what aligning and screening measured, as far as that is done, and who refused them."""
    aligned = _by_id(pipeline, "align", ["utterance_id", "backend", "model_digest", "score"])
    screened = _by_id(pipeline, "screen", ["utterance_id", "speaker_similarity"])
    refused = {one.row_id: one for _, one in pipeline.rejects()}
    return [
        row
        | {
            "aligned": aligned.get(row["utterance_id"]),
            "similarity": screened.get(row["utterance_id"], {}).get("speaker_similarity"),
            "refusal": refused.get(row["utterance_id"]),
        }
        for row in segments
    ]


def _measured(
    row: dict[str, Any], texts: dict[str, dict[str, Any]], known: dict[str, Correction]
) -> Measured:
    clip, aligned = row["utterance_id"], row["aligned"]
    text = texts.get(clip, {})
    by_ear = text.get("text_source") in ("faster-whisper", "pocketsphinx")
    return Measured(
        clip,
        aligner=""
        if aligned is None
        else f"{aligned['backend']} {aligned['model_digest']} {text.get('language')}",
        alignment_score=None if aligned is None else aligned["score"],
        word_error_rate=text.get("word_error_rate"),
        recognised=text.get("asr_confidence") if by_ear else None,
        speaker=row["speaker"],
        speaker_similarity=row["similarity"],
        refusal=row["refusal"],
        is_dropped=clip in known and known[clip].what == "drop",
    )


def _reviewed(
    row: dict[str, Any],
    text: dict[str, Any] | None,
    found: dict[str, Doubt],
    sounds: dict[str, Waveform],
    correction: Correction | None,
) -> Reviewed:
    said = (text["text"] if text is not None else row["text"]) or ""
    heard = text["asr_text"] if text is not None and text["asr_text"] != said else None
    return Reviewed(
        row["utterance_id"],
        row["speaker"],
        (text or row)["language"] or "",
        said,
        row["duration_s"],
        sounds[row["utterance_id"]],
        found[row["utterance_id"]],
        tuple(heard_beside(said, heard)) if heard else (),
        correction,
    )


def _sounds(pipeline: Pipeline, clips: list[str]) -> dict[str, Waveform]:
    """As they were cut; small, since words are judged, not the sound."""
    wanted = set(clips)
    table = pipeline.table("segment", ["utterance_id", "audio"]).to_pylist()
    found = {}
    for row in table:
        if row["utterance_id"] in wanted:
            wave = decode_flac(row["audio"])
            rate = min(PLAYER_RATE, wave.sample_rate)
            found[row["utterance_id"]] = Waveform(resample(wave.samples, wave.sample_rate, rate), rate)
    return found


def _by_id(pipeline: Pipeline, stage: str, columns: list[str]) -> dict[str, dict[str, Any]]:
    if pipeline.known(stage) is None:
        return {}
    return {row["utterance_id"]: row for row in pipeline.table(stage, columns).to_pylist()}
