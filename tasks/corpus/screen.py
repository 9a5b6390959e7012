"""Which utterances a voice is trained on, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from artifacts import schemas
from configs.errors import UserError
from configs.screen import ScreenSettings
from models.frontend.text.inline import without_phones
from tasks.corpus.correction import DROPPED
from tasks.corpus.verdicts import (
    Candidate,
    Voices,
    hear_speakers,
    judge_alignment,
    judge_measures,
    judge_speaker,
    judge_words,
    warn,
)
from tasks.stage import ConfigView, Inputs, Produced, Reject, Work

_FEW_UTTERANCES = 10


def screen_corpus(inputs: Inputs, cfg: ConfigView, work: Work, before: Sequence[str]) -> Produced:
    """Accepted utterances with their measures; the rest as rejects.

    Args:
        inputs, cfg, work: Of the stage.
        before: Stages whose rejects count among those that were refused.

    Raises:
        UserError: too few utterances are left to train on, or suspiciously many were refused.
    """
    del work
    settings: ScreenSettings = cfg.corpus.screen
    earlier = [refused for stage in before for refused in inputs.rejects(stage)]
    # What was dropped by hand says nothing against the rest.
    wanted = [refused for refused in earlier if refused.code != DROPPED]
    n_all = inputs.table("segment", ["utterance_id"]).num_rows - (len(earlier) - len(wanted))
    candidates, texts = _candidates(inputs)
    speaker_rows = inputs.table("speaker", ["utterance_id", "embedding", "backend"]).to_pylist()
    embeddings = {row["utterance_id"]: np.array(row["embedding"], dtype=np.float32) for row in speaker_rows}
    backend = speaker_rows[0]["backend"] if speaker_rows else ""
    rejects = {
        refused.row_id: refused
        for candidate in candidates
        if (refused := judge_measures(candidate, settings)) is not None
    }
    sound = [c for c in candidates if c.utterance_id not in rejects]
    for refused in [*judge_words(sound, settings), *judge_alignment(sound, settings)]:
        rejects.setdefault(refused.row_id, refused)
    sound = [c for c in candidates if c.utterance_id not in rejects]
    voices = hear_speakers(sound, embeddings, backend, settings)
    for candidate in sound:
        stranger = judge_speaker(candidate, voices)
        if stranger is not None:
            rejects[candidate.utterance_id] = stranger
    accepted = [c for c in sound if c.utterance_id not in rejects]
    _refuse_poor_corpus(n_all, len(accepted), [*wanted, *rejects.values()], settings)
    return Produced(
        rows=[_row(candidate, texts[candidate.utterance_id], voices) for candidate in accepted],
        rejects=[rejects[row_id] for row_id in sorted(rejects)],
        metrics=_metrics(accepted, n_all),
        warnings=[*voices.warnings, *warn(accepted, settings)],
    )


def _candidates(inputs: Inputs) -> tuple[list[Candidate], dict[str, dict[str, Any]]]:
    """Utterances that every earlier stage passed, in order of their identifiers."""
    measured = _by_id(inputs, "measure", schemas.MEASURE.names)
    enhanced = _by_id(inputs, "enhance", ["utterance_id", "duration_s", "loudness_lufs"])
    speaker = _by_id(inputs, "speaker", ["utterance_id", "speaker"])
    text = _by_id(
        inputs, "transcribe", ["utterance_id", "source_digest", "text", "language", "word_error_rate"]
    )
    phones = _by_id(inputs, "phonemize", ["utterance_id", "phones"])
    aligned = _by_id(
        inputs, "align", ["utterance_id", "backend", "model_digest", "score", "loud_silence_ratio"]
    )
    tables = (measured, enhanced, speaker, text, phones, aligned)
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    candidates = [
        Candidate(
            utterance_id=row_id,
            speaker=speaker[row_id]["speaker"],
            duration_s=enhanced[row_id]["duration_s"],
            speech_s=measured[row_id]["speech_s"],
            snr_db=measured[row_id]["snr_db"],
            reverberation_s=measured[row_id]["reverberation_s"],
            clipping_ratio=measured[row_id]["clipping_ratio"],
            bandwidth_hz=measured[row_id]["bandwidth_hz"],
            silence_ratio=measured[row_id]["silence_ratio"],
            loudness_lufs=enhanced[row_id]["loudness_lufs"],
            n_phones=sum(_is_spoken(phone) for phone in phones[row_id]["phones"]),
            aligner=" ".join(
                (aligned[row_id]["backend"], aligned[row_id]["model_digest"], text[row_id]["language"])
            ),
            alignment_score=aligned[row_id]["score"],
            loud_silence_ratio=aligned[row_id]["loud_silence_ratio"],
            word_error_rate=text[row_id]["word_error_rate"],
        )
        for row_id in shared
    ]
    return candidates, text


def _by_id(inputs: Inputs, stage: str, columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {row["utterance_id"]: row for row in inputs.table(stage, list(columns)).to_pylist()}


def _is_spoken(phone: str) -> bool:
    return any(character.isalpha() for character in phone)


def _refuse_poor_corpus(
    n_all: int, n_accepted: int, rejects: Sequence[Reject], settings: ScreenSettings
) -> None:
    if n_accepted < settings.min_utterances:
        raise UserError(
            f"too_little_data: {n_accepted} of {n_all} utterances are usable, and "
            f"{settings.min_utterances} are needed (corpus.screen.min_utterances).\n"
            f"{_summary(rejects)}Add recordings, or see `voicewright rejects` for what to mend."
        )
    share = 1.0 - n_accepted / n_all
    if n_all >= _FEW_UTTERANCES and share > settings.max_reject_ratio:
        raise UserError(
            f"too_many_rejects: {n_all - n_accepted} of {n_all} utterances ({share:.0%}) are refused, more "
            f"than corpus.screen.max_reject_ratio = {settings.max_reject_ratio:.0%}.\n"
            f"{_summary(rejects)}Mend the recordings or transcripts, change the thresholds that do "
            "not fit them, or raise corpus.screen.max_reject_ratio."
        )


def _summary(rejects: Sequence[Reject]) -> str:
    """A table of refusals by code: how many, an example, what would help."""
    if not rejects:
        return ""
    example = {refused.code: refused for refused in reversed(rejects)}
    lines = [
        f"  {count:5d}  {code:18s} e.g. {example[code].row_id}: {example[code].field} = "
        f"{example[code].value} ({example[code].reason}). {example[code].remedy}"
        for code, count in Counter(refused.code for refused in rejects).most_common()
    ]
    return "\n".join(lines) + "\n"


def _row(candidate: Candidate, text: dict[str, Any], voices: Voices) -> dict[str, Any]:
    return {
        "utterance_id": candidate.utterance_id,
        "source_digest": text["source_digest"],
        "speaker": candidate.speaker,
        "language": text["language"],
        "text": without_phones(text["text"]),
        "duration_s": candidate.duration_s,
        "speech_s": candidate.speech_s,
        "snr_db": candidate.snr_db,
        "reverberation_s": candidate.reverberation_s,
        "clipping_ratio": candidate.clipping_ratio,
        "bandwidth_hz": candidate.bandwidth_hz,
        "silence_ratio": candidate.silence_ratio,
        "loudness_lufs": candidate.loudness_lufs,
        "phones_per_s": candidate.phones_per_s,
        "speaker_similarity": voices.similarity[candidate.utterance_id],
        "alignment_score": candidate.alignment_score,
    }


def _metrics(accepted: Sequence[Candidate], n_all: int) -> dict[str, float]:
    return {
        "accepted_utterances": float(len(accepted)),
        "accepted_share": len(accepted) / max(1, n_all),
        "accepted_s": sum(candidate.duration_s for candidate in accepted),
        "median_snr_db": float(np.median([candidate.snr_db for candidate in accepted])),
        "median_phones_per_s": float(np.median([candidate.phones_per_s for candidate in accepted])),
    }
