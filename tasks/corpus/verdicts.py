"""One utterance's measures against the thresholds: pure arithmetic, no tables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.screen import ScreenSettings
from models.speaker.centroid import robust_centroid, spread
from tasks.stage import Reject, reject

_FEWEST_TO_COMPARE = 8
_FEWEST_OF_SPEAKER = 5
_SEVERAL_SPEAKERS_SHARE = 0.2
_WORD_ERROR_MARGIN = 0.25
_LEAST_SIMILARITY = {"resemblyzer": 0.72, "ecapa": 0.35}
_HEARD_S = 1.6
"""Clips this long tell a speaker: of one's own cut to 1.6 s none is below 0.72, to 1 s a third, to 0.6 s
three quarters (seven speakers, 126 cuts each; resemblyzer, which was trained on 1.6 s)."""


@dataclass(frozen=True)
class Candidate:
    """What is known of one utterance before screening; units as in the stages' schemas.

    aligner: backend and model that gave `alignment_score`; scores compare only within one.
    alignment_score, word_error_rate, reverberation_s: None where there is none.
    """

    utterance_id: str
    speaker: str
    duration_s: float
    speech_s: float
    snr_db: float
    reverberation_s: float | None
    clipping_ratio: float
    bandwidth_hz: float
    silence_ratio: float
    loudness_lufs: float
    n_phones: int
    aligner: str
    alignment_score: float | None
    loud_silence_ratio: float
    word_error_rate: float | None

    @property
    def phones_per_s(self) -> float:
        """Speaking rate over the time that is speech."""
        return self.n_phones / max(self.speech_s, 1e-3)


@dataclass(frozen=True)
class Voices:
    """similarity: cosine of each utterance to its speaker's robust centroid; outliers: floor per
    utterance that is a stranger; warnings: speakers that look like several."""

    similarity: Mapping[str, float]
    outliers: Mapping[str, float]
    warnings: Sequence[str]


def judge_measures(candidate: Candidate, settings: ScreenSettings) -> Reject | None:
    """The first threshold that the utterance's own measures miss."""
    bounds = (
        ("speech_s", "little_speech", "min_speech_s", "It holds next to no speech; remove it."),
        ("clipping_ratio", "clipping", "max_clipping_ratio", "Record with less gain."),
        (
            "snr_db",
            "noisy",
            "min_snr_db",
            "Record in a quieter room; or lower the threshold and set corpus.enhance.denoise, which cleans "
            "what then passes.",
        ),
        (
            "reverberation_s",
            "reverberant",
            "max_reverberation_s",
            "Record close to the microphone, in a room with carpets and curtains.",
        ),
        ("bandwidth_hz", "narrow_band", "min_bandwidth_hz", "Use the original, not a telephone copy."),
        ("silence_ratio", "mostly_silence", "max_silence_ratio", "Trim the recording."),
        ("phones_per_s", "rate_outlier", "max_phones_per_s", "Check that the text belongs to the audio."),
        ("phones_per_s", "rate_outlier", "min_phones_per_s", "Check that the text is complete."),
        (
            "loud_silence_ratio",
            "text_mismatch",
            "max_loud_silence_ratio",
            "Speech that the text does not account for: check that the text is complete.",
        ),
    )
    for field, code, bound, remedy in bounds:
        value, limit = getattr(candidate, field), getattr(settings, bound)
        if value is None or not math.isfinite(value):
            continue
        if value < limit if bound.startswith("min_") else value > limit:
            side = "below" if bound.startswith("min_") else "above"
            return _reject(candidate, code, field, value, f"{side} corpus.screen.{bound} = {limit:g}", remedy)
    return None


def judge_words(candidates: Sequence[Candidate], settings: ScreenSettings) -> list[Reject]:
    """Text that recognition contradicts: worse than the threshold, and worse than is usual here."""
    heard = [c for c in candidates if c.word_error_rate is not None]
    if not heard:
        return []
    usual = float(np.median([c.word_error_rate for c in heard]))
    limit = max(settings.max_word_error_rate, usual + _WORD_ERROR_MARGIN)
    return [
        _reject(
            candidate,
            "text_mismatch",
            "word_error_rate",
            candidate.word_error_rate or 0.0,
            f"above {limit:.2f} (corpus.screen.max_word_error_rate, and {_WORD_ERROR_MARGIN:g} worse "
            f"than the median {usual:.2f})",
            "Correct the transcript.",
        )
        for candidate in heard
        if (candidate.word_error_rate or 0.0) > limit
    ]


def judge_alignment(candidates: Sequence[Candidate], settings: ScreenSettings) -> list[Reject]:
    """Text that aligns much worse than the corpus does, within each aligner."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.alignment_score is not None and math.isfinite(candidate.alignment_score):
            groups[candidate.aligner].append(candidate)
    rejects = []
    for group in groups.values():
        if len(group) < _FEWEST_TO_COMPARE:
            continue
        usual = spread(np.array([c.alignment_score for c in group], dtype=np.float64))
        below = max(settings.alignment_mads * usual.sigma, settings.alignment_margin)
        for candidate in group:
            score = candidate.alignment_score
            if score is not None and score < usual.median - below:
                rejects.append(
                    _reject(
                        candidate,
                        "text_mismatch",
                        "alignment_score",
                        score,
                        f"more than {below:.2f} below the corpus's median {usual.median:.2f} "
                        "(corpus.screen.alignment_mads, alignment_margin)",
                        "Check that the transcript is what is said.",
                    )
                )
    return rejects


def hear_speakers(
    candidates: Sequence[Candidate],
    embeddings: Mapping[str, NDArray[np.float32]],
    backend: str,
    settings: ScreenSettings,
) -> Voices:
    """Similarity of every utterance to its speaker, and who is a stranger there.

    A stranger must be far in absolute terms and against the speaker's own spread, and be heard for long
    enough: clips of under _HEARD_S are measured and never judged. Where a fifth of a speaker's utterances
    would be strangers, the name stands for several people: that is said, and nobody is rejected, because
    which of them is meant is not ours to decide.
    """
    floor = settings.min_speaker_similarity
    if floor is None:
        floor = _LEAST_SIMILARITY.get(backend, -1.0)
    by_speaker: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_speaker[candidate.speaker].append(candidate)
    similarity: dict[str, float] = {}
    outliers: dict[str, float] = {}
    warnings = []
    for speaker, group in sorted(by_speaker.items()):
        own = np.stack([embeddings[c.utterance_id] for c in group])
        heard = [at for at, c in enumerate(group) if c.duration_s >= _HEARD_S]
        cosine = own @ robust_centroid(own[heard] if heard else own)
        similarity |= {c.utterance_id: float(s) for c, s in zip(group, cosine, strict=True)}
        judged = {group[at].utterance_id: float(cosine[at]) for at in heard}
        strange = [utterance_id for utterance_id, s in judged.items() if s < floor]
        if len(judged) >= 2 and len(strange) > _SEVERAL_SPEAKERS_SHARE * len(judged):
            warnings.append(
                f"Speaker {speaker}: {len(strange)} of {len(judged)} utterances sound like someone else "
                f"({', '.join(strange[:3])}...). If several people speak, put each into a folder of "
                "their own and set corpus.speaker=folder, or name them in the transcript list."
            )
        elif len(judged) >= _FEWEST_OF_SPEAKER:
            usual = spread(np.array(list(judged.values())))
            limit = min(floor, usual.median - settings.speaker_mads * usual.sigma)
            outliers |= {utterance_id: limit for utterance_id, s in judged.items() if s < limit}
    return Voices(similarity, outliers, warnings)


def judge_speaker(candidate: Candidate, voices: Voices) -> Reject | None:
    """Refusal of an utterance that somebody else seems to speak."""
    limit = voices.outliers.get(candidate.utterance_id)
    if limit is None:
        return None
    return _reject(
        candidate,
        "speaker_outlier",
        "speaker_similarity",
        voices.similarity[candidate.utterance_id],
        f"below {limit:.2f}, far from the other utterances of speaker {candidate.speaker}",
        "Check who speaks, or give this speaker a name of their own.",
    )


def warn(candidates: Sequence[Candidate], settings: ScreenSettings) -> list[str]:
    """One line for each kind of doubt, with how many and the first few."""
    median_lufs: dict[str, list[float]] = defaultdict(list)
    for candidate in candidates:
        median_lufs[candidate.speaker].append(candidate.loudness_lufs)
    usual = {speaker: float(np.median(values)) for speaker, values in median_lufs.items()}
    doubts = {
        f"signal-to-noise ratio below {settings.warn_snr_db:g} dB": [
            c.utterance_id for c in candidates if c.snr_db < settings.warn_snr_db
        ],
        f"a room that sounds on for more than {settings.warn_reverberation_s:g} s (reverberation)": [
            c.utterance_id for c in candidates if (c.reverberation_s or 0.0) > settings.warn_reverberation_s
        ],
        f"more than {settings.warn_clipping_ratio:.1%} of the samples clipped": [
            c.utterance_id for c in candidates if c.clipping_ratio > settings.warn_clipping_ratio
        ],
        f"bandwidth below {settings.warn_bandwidth_hz:g} Hz": [
            c.utterance_id for c in candidates if c.bandwidth_hz < settings.warn_bandwidth_hz
        ],
        f"level more than {settings.warn_level_offset_db:g} dB from the speaker's median": [
            c.utterance_id
            for c in candidates
            if abs(c.loudness_lufs - usual[c.speaker]) > settings.warn_level_offset_db
        ],
    }
    return [
        f"{len(ids)} of {len(candidates)} utterances: {doubt} ({', '.join(ids[:3])}{'...' * (len(ids) > 3)})"
        for doubt, ids in doubts.items()
        if ids
    ]


def _reject(candidate: Candidate, code: str, field: str, value: float, reason: str, remedy: str) -> Reject:
    return reject(candidate.utterance_id, code, field, f"{value:.3f}", reason, remedy)
