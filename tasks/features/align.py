"""Stage align: when each phone and word is spoken."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from configs.align import AlignSettings
from configs.naming import in_settings
from models.aligner import hmm, hmm_aligner, sphinx
from models.aligner.alignment import AlignError, Alignment, Interval, read_transcript
from models.aligner.hmm_aligner import Utterance
from models.aligner.quality import check_silence, require_plausible_rate, require_sound
from tasks.features import mfa, mfa_model
from tasks.features.aligners import ALIGNERS, Aligner, limits_of, model_file, read_aligners, utterance_of
from tasks.stage import ConfigView, Outcome, reject


def align_rows(
    rows: list[dict[str, Any]], cfg: ConfigView, files: Mapping[str, Mapping[str, Path]]
) -> list[Outcome]:
    """One outcome per row: its alignment, or a reject (align_failed, text_mismatch, rate_outlier)."""
    settings: AlignSettings = cfg.features.align
    models = files["acoustic_model"]
    aligners = read_aligners(models[ALIGNERS])
    clips = {row["utterance_id"]: utterance_of(row) for row in rows}
    results: dict[str, Alignment | AlignError] = {}
    for_mfa: dict[str, Utterance] = {}
    for row in rows:
        row_id, aligner = row["utterance_id"], aligners[row["language"]]
        try:
            _require_alignable(clips[row_id], settings)
            if aligner.backend == mfa.NAME:
                for_mfa[row_id] = clips[row_id]
            else:
                results[row_id] = _aligned(aligner, clips[row_id], models)
        except AlignError as error:
            results[row_id] = error
    if for_mfa:
        version = next(a.version for a in aligners.values() if a.backend == mfa.NAME)
        results.update(mfa.align(settings.mfa, version, models[mfa_model.FILE], for_mfa))
    return [
        _outcome(
            row,
            aligners[row["language"]],
            clips[row["utterance_id"]],
            results[row["utterance_id"]],
            settings,
        )
        for row in rows
    ]


def _require_alignable(clip: Utterance, settings: AlignSettings) -> None:
    """Refuses what no aligner makes sense of before one is asked: a bad clip can spoil MFA's whole call."""
    transcript = read_transcript(clip.words, clip.phones_per_word)
    duration_s = len(clip.samples) / clip.sample_rate
    require_plausible_rate(len(transcript.spoken), duration_s, settings.max_phones_per_s)
    hmm_aligner.prepare(clip)


def _aligned(aligner: Aligner, clip: Utterance, models: Mapping[str, Path]) -> Alignment:
    if aligner.backend == sphinx.NAME:
        return sphinx.align(*clip)
    path = models.get(model_file(aligner.language))
    if path is None:
        raise AlignError(
            "align_failed",
            "language",
            aligner.language,
            "none of the language's recordings could be learned from",
            "add recordings, or correct the language",
        )
    return hmm_aligner.align(_load_model(path), *clip)


@lru_cache(maxsize=4)
def _load_model(path: Path) -> hmm.Model:
    return hmm_aligner.load(path.read_bytes())


def _outcome(
    row: dict[str, Any],
    aligner: Aligner,
    clip: Utterance,
    result: Alignment | AlignError,
    settings: AlignSettings,
) -> Outcome:
    try:
        if isinstance(result, AlignError):
            raise result
        silence = check_silence(result.phones, clip.samples, clip.sample_rate)
        require_sound(result, silence, limits_of(settings, aligner.backend))
    except AlignError as error:
        refused = reject(
            row["utterance_id"],
            error.code,
            error.field,
            error.value,
            in_settings("features.align", error.reason),
            in_settings("features.align", error.remedy),
        )
        return Outcome(rejects=[refused])
    made = {
        "utterance_id": row["utterance_id"],
        "source_digest": row["source_digest"],
        "backend": result.backend,
        "backend_version": result.backend_version,
        "model_digest": aligner.model_digest,
        "phones": [{**_plain(phone), "word": phone.word} for phone in result.phones],
        "words": [_plain(word) for word in result.words],
        "score": result.score,
        "loud_silence_ratio": result.loud_silence_ratio,
    }
    return Outcome(rows=[made])


def _plain(interval: Interval) -> dict[str, Any]:
    """An interval as a row; times to the nearest 0.1 ms, score null where the mark has none."""
    return {
        "label": interval.label,
        "start_s": round(interval.start_s, 4),
        "end_s": round(interval.end_s, 4),
        "score": None if math.isnan(interval.score) else round(interval.score, 4),
    }
