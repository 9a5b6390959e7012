"""Screening: each threshold, relative judgements, and corpora that stop the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from artifacts.manifest import Reject
from configs.errors import UserError
from tasks.corpus.stages import MEASURE, SCREEN
from tasks.features.stages import SPEAKER_PROFILE
from tasks.stage import function_of
from tests.tasks.corpus.stage_inputs import Tables, settings

GOOD: dict[str, Any] = {
    "speaker": "s",
    "duration_s": 4.0,
    "speech_s": 3.0,
    "snr_db": 30.0,
    "reverberation_s": 0.25,
    "clipping_ratio": 0.0,
    "bandwidth_hz": 9000.0,
    "silence_ratio": 0.2,
    "loudness_lufs": -20.0,
    "peak_dbfs": -3.0,
    "source_digest": "0" * 64,
    "text": "words",
    "language": "en",
    "word_error_rate": None,
    "phones": ["p"] * 36 + [","],
    "backend": "hmm",
    "model_digest": "",
    "score": -10.0,
    "loud_silence_ratio": 0.01,
    "direction": 0,
}


def corpus(n: int = 12, **odd: Any) -> Tables:
    """`n` good utterances and, as the last, one that differs in `odd`."""
    return corpus_of([{} for _ in range(n)] + ([odd] if odd else []))


def corpus_of(differences: list[dict[str, Any]], rejects: dict[str, Any] | None = None) -> Tables:
    rng = np.random.default_rng(0)
    rows = []
    for i, odd in enumerate(differences):
        row = GOOD | {"utterance_id": f"u{i:02d}", "score": -10.0 + 0.1 * (i % 3)} | odd
        embedding = 0.02 * rng.standard_normal(16) + np.eye(16)[row["direction"]]
        row["embedding"] = (embedding / np.linalg.norm(embedding)).tolist()
        rows.append(row)
    speakers = [row | {"backend": "resemblyzer"} for row in rows]
    stages = ("segment", "measure", "enhance", "transcribe", "phonemize", "align")
    return Tables(dict.fromkeys(stages, rows) | {"speaker": speakers}, rejects)


def screened(tables: Tables, **changes: Any) -> Any:
    return function_of(SCREEN)(tables, settings(**changes), None)


def test_a_good_corpus_is_accepted_whole() -> None:
    made = screened(corpus())
    assert len(made.rows) == 12
    assert not made.rejects
    assert not made.warnings
    assert set(made.rows[0]) == set(SCREEN.schema.names)
    assert made.rows[0]["phones_per_s"] == 12.0


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ({"snr_db": 4.0}, "noisy"),
        ({"reverberation_s": 1.3}, "reverberant"),
        ({"clipping_ratio": 0.29}, "clipping"),
        ({"bandwidth_hz": 2000.0}, "narrow_band"),
        ({"silence_ratio": 0.9}, "mostly_silence"),
        ({"speech_s": 0.1}, "little_speech"),
        ({"phones": ["p"] * 400}, "rate_outlier"),
        ({"phones": ["p"] * 4}, "rate_outlier"),
        ({"loud_silence_ratio": 0.8}, "text_mismatch"),
        ({"score": -30.0}, "text_mismatch"),
        ({"direction": 3}, "speaker_outlier"),
    ],
)
def test_one_odd_utterance_is_refused_with_its_measure(odd: dict[str, Any], code: str) -> None:
    made = screened(corpus(**odd))
    (refused,) = made.rejects
    assert (refused.row_id, refused.code) == ("u12", code)
    assert refused.field
    assert float(refused.value) == pytest.approx(float(refused.value))
    assert refused.reason
    assert refused.remedy
    assert len(made.rows) == 12


@pytest.mark.parametrize(
    "odd",
    [
        {"snr_db": 12.0},
        {"reverberation_s": 0.6},
        {"clipping_ratio": 0.005},
        {"bandwidth_hz": 4000.0},
        {"loudness_lufs": -60.0},
    ],
)
def test_a_doubtful_utterance_is_kept_and_named(odd: dict[str, Any]) -> None:
    made = screened(corpus(**odd))
    assert len(made.rows) == 13
    assert len(made.warnings) == 1
    assert "u12" in made.warnings[0]


def test_a_clip_that_tells_no_room_is_no_doubt() -> None:
    made = screened(corpus(reverberation_s=None))
    assert (len(made.rows), made.rejects, made.warnings) == (13, [], [])
    assert made.rows[-1]["reverberation_s"] is None


def test_cleaning_hides_nothing_from_the_noise_gate() -> None:
    """What is measured is the recording; the cleaned sound has no measure of noise that could pass."""
    noise = {"snr_db": 1.4}
    (refused,) = screened(corpus(**noise), corpus__enhance__denoise=True).rejects
    assert (refused.code, refused.value) == ("noisy", "1.400")
    assert "corpus.enhance.denoise" in refused.remedy
    assert "enhance" not in MEASURE.reads


def test_recognition_that_errs_everywhere_rejects_only_what_is_worse_than_usual() -> None:
    usual = [{"word_error_rate": 0.6} for _ in range(10)]
    assert not screened(corpus_of(usual)).rejects
    made = screened(corpus_of([*usual, {"word_error_rate": 1.0}]))
    assert [refused.field for refused in made.rejects] == ["word_error_rate"]


def test_scores_of_different_aligners_are_not_compared() -> None:
    made = screened(corpus_of([{} for _ in range(9)] + [{"backend": "mfa", "score": -60.0}] * 9))
    assert not made.rejects


def test_an_aligner_without_scores_is_no_reason_to_refuse() -> None:
    assert not screened(corpus_of([{"score": float("nan")}] * 9)).rejects
    assert not screened(corpus_of([{"score": None}] * 9)).rejects


@pytest.mark.parametrize("strangers", [4, 6, 8])
def test_several_voices_under_one_name_are_reported_and_nobody_is_refused(strangers: int) -> None:
    made = screened(corpus_of([{}] * 8 + [{"direction": 3}] * strangers))
    assert not made.rejects
    assert "corpus.speaker=folder" in made.warnings[0]


def test_each_speaker_is_compared_with_their_own_voice() -> None:
    named = [{"speaker": "a"}] * 6 + [{"speaker": "b", "direction": 3}] * 6
    assert not screened(corpus_of(named)).rejects
    made = screened(corpus_of([*named, {"speaker": "a", "direction": 3}]))
    assert [refused.row_id for refused in made.rejects] == ["u12"]


def test_too_many_rejects_stop_the_run_with_a_table() -> None:
    noisy = [{"snr_db": 1.0}] * 7 + [{"clipping_ratio": 0.5}] * 2
    with pytest.raises(UserError, match=r"too_many_rejects: 9 of 14.*\n\s+7  noisy"):
        screened(corpus_of([{}] * 5 + noisy))


def test_one_usable_clip_is_enough() -> None:
    assert len(screened(corpus_of([{}, {"snr_db": 1.0}])).rows) == 1


def test_no_usable_clip_is_too_little() -> None:
    earlier = {"transcribe": [Reject("x", "no_words", "text", "🔥", "no letters", "write words")]}
    with pytest.raises(UserError, match=r"too_little_data: 0 of 1(.|\n)*no_words"):
        screened(corpus_of([{"snr_db": 1.0}], earlier))


def test_a_short_clip_is_not_taken_for_a_stranger() -> None:
    short = {"duration_s": 0.9, "direction": 1}
    made = screened(corpus_of([{}] * 8 + [short]))
    assert not made.rejects
    assert not made.warnings
    stranger = screened(corpus_of([{}] * 8 + [short | {"duration_s": 2.0}]))
    assert [refused.code for refused in stranger.rejects] == ["speaker_outlier"]


def test_a_small_corpus_may_lose_more_than_half() -> None:
    assert len(screened(corpus_of([{}, {}, {"snr_db": 1.0}, {"snr_db": 1.0}, {"snr_db": 1.0}])).rows) == 2


def test_a_speaker_is_represented_by_a_clean_clip_of_usable_length() -> None:
    differences = [{"duration_s": 1.5, "snr_db": 40.0}, {"duration_s": 5.0, "snr_db": 40.0}] + [
        {"duration_s": 6.0, "snr_db": 16.0}
    ] * 4
    tables = corpus_of(differences)
    accepted = screened(tables).rows
    inputs = Tables({"screen": accepted, "speaker": tables.table("speaker").to_pylist()})
    (profile,) = function_of(SPEAKER_PROFILE)(inputs, settings(), None).rows
    assert profile["reference_utterance_id"] == "u01"
    assert profile["n_clips"] == 6
    assert np.linalg.norm(profile["centroid"]) == pytest.approx(1.0, abs=1e-5)
    assert set(profile) == set(SPEAKER_PROFILE.schema.names)
