"""Both aligners on speech whose phone times are known, and what they must notice."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bench.alignment import Case, by_hmm, by_sphinx, errors_s, read_synthetic
from models.aligner import hmm, hmm_aligner, sphinx
from models.aligner.alignment import AlignError, Alignment, Interval
from models.aligner.hmm_aligner import Utterance, acoustic_unit
from models.aligner.quality import Limits, check_silence, loudness, require_plausible_rate, require_sound

pytestmark = pytest.mark.slow

TONE = (0.3 * np.sin(np.arange(16000) * 0.2)).astype(np.float32)


@pytest.fixture(scope="module")
def slt(speech: Path) -> list[Case]:
    return read_synthetic(speech, ["flite_slt"])


@pytest.fixture(scope="module")
def model(slt: list[Case]) -> hmm.Model:
    """Trained on the first four clips."""
    return hmm_aligner.train([case.utterance for case in slt[:4]])


def within_20_ms(cases: list[Case], align: object) -> float:
    assert callable(align)
    errors = [e for case in cases for e in errors_s(align(case.utterance), case.truth)]
    return float(np.mean(np.abs(errors) <= 0.02))


def test_flat_start_on_one_voice(slt: list[Case]) -> None:
    assert within_20_ms(slt, by_hmm(slt, synthetic=False)) >= 0.78


def test_bootstrap_needs_a_few_clips_only(slt: list[Case]) -> None:
    assert within_20_ms(slt[:6], by_hmm(slt[:6], synthetic=True)) >= 0.7


def test_pocketsphinx_beats_its_bar(speech: Path) -> None:
    cases = read_synthetic(speech)[::6]
    errors = [e for c in cases for e in errors_s(by_sphinx()(c.utterance), c.truth)]
    assert np.median(np.abs(errors)) <= 0.012
    assert np.mean(np.abs(errors) <= 0.02) >= 0.8


def test_wrong_text_scores_far_lower(slt: list[Case]) -> None:
    cases = slt[:8]
    model = hmm_aligner.train([case.utterance for case in cases])
    aligners = (sphinx.align, lambda *clip: hmm_aligner.align(model, *clip))
    for align in aligners:
        right = [align(*case.utterance).score for case in cases]
        wrong = []
        for case, other in itertools.pairwise(cases):
            swapped = case.utterance._replace(
                words=other.utterance.words, phones_per_word=other.utterance.phones_per_word
            )
            wrong.append(align(*swapped).score)
        assert min(right) > max(wrong) + 3


def test_the_match_separates_right_from_swapped_text_whatever_the_scale(
    slt: list[Case], model: hmm.Model
) -> None:
    cases = slt[:6]
    for case, other in itertools.pairwise(cases):
        swapped = case.utterance._replace(
            words=other.utterance.words, phones_per_word=other.utterance.phones_per_word
        )
        assert hmm_aligner.align(model, *case.utterance).match > 0.3
        assert hmm_aligner.align(model, *swapped).match < 0.2


def test_training_is_reproducible_and_models_survive_bytes(slt: list[Case]) -> None:
    utterances = [case.utterance for case in slt[:3]]
    first, again = hmm_aligner.train(utterances), hmm_aligner.train(utterances)
    data = hmm_aligner.save(first)
    assert data == hmm_aligner.save(again)
    assert hmm_aligner.align(hmm_aligner.load(data), *utterances[0]) == hmm_aligner.align(
        first, *utterances[0]
    )
    with pytest.raises(ValueError, match="not an aligner's model"):
        hmm_aligner.load(data[:100])


def test_a_phone_never_seen_in_training_is_aligned_all_the_same(slt: list[Case], model: hmm.Model) -> None:
    clip = slt[0].utterance
    strange = clip._replace(phones_per_word=[["ʘ", *clip.phones_per_word[0][1:]], *clip.phones_per_word[1:]])
    assert hmm_aligner.align(model, *strange).phones[0].label == "ʘ"


@pytest.mark.parametrize(
    ("samples", "phones", "field"),
    [
        (np.zeros(16000, np.float32), [["AH", "T"]], "peak"),
        (np.full(16000, np.nan, np.float32), [["AH", "T"]], "samples"),
        (TONE[:300], [["AH", "T", "AH", "T", "AH"]], "duration_s"),
        (TONE, [[","]], "phones"),
    ],
)
def test_hopeless_clips_are_refused_by_name(samples: np.ndarray, phones: list[list[str]], field: str) -> None:
    for align in (
        lambda u: sphinx.align(*u),
        lambda u: hmm_aligner.train([u]),
    ):
        with pytest.raises(AlignError) as caught:
            align(Utterance(samples, 16000, ["x"], phones))
        assert (caught.value.code, caught.value.field) == ("align_failed", field)
        assert caught.value.remedy


def test_pocketsphinx_names_phones_it_does_not_know() -> None:
    with pytest.raises(AlignError, match="ɣ"):
        sphinx.align(TONE, 16000, ["x"], [["ɣ", "AH"]])


def test_units_have_no_stress_and_no_tone() -> None:
    assert [acoustic_unit(label) for label in ("AH0", "ˈaɪ", "ang4", "ˌʊ", "t")] == [
        "AH", "aɪ", "ang", "ʊ", "t"
    ]  # fmt: skip


def test_loud_speech_without_a_phone_is_seen() -> None:
    noise = np.random.default_rng(0).standard_normal(32000).astype(np.float32) * 1e-4
    noise[8000:24000] += TONE
    loud = loudness(noise, 16000).loud
    assert 0.45 < loud.mean() < 0.55
    right = check_silence([Interval("a", 0.5, 1.5)], noise, 16000)
    assert right.loud_ratio < 0.05 and right.swallowed_ratio < 0.02
    failed = check_silence([Interval("a", 0.5, 0.7), Interval(",", 0.7, 2.0)], noise, 16000)
    assert failed.loud_ratio > 0.4 and failed.swallowed_ratio > 0.7


def test_a_short_words_edges_are_not_loud_silence() -> None:
    clip = np.zeros(9600, dtype=np.float32)
    clip[1600:8000] = np.tile(TONE, 2)[:6400]
    check = check_silence([Interval("a", 0.17, 0.5)], clip, 16000)
    assert 0.06 < check.loud_s < 0.1
    assert check.loud_ratio < 0.35
    limits = Limits(-1e9, -1e9, 0.15, 0.15, 1.0, 0.01)
    alignment = Alignment((Interval("a", 0.17, 0.5),), (), 0.0, 0.0, "hmm", "1", 1.0)
    require_sound(alignment, check._replace(swallowed_ratio=0.17), limits)
    with pytest.raises(AlignError, match="loud sound"):
        require_sound(alignment, check._replace(swallowed_ratio=0.17, loud_s=0.2), limits)


def test_a_steady_room_is_not_loud_speech() -> None:
    rng = np.random.default_rng(1)
    clip = rng.standard_normal(32000).astype(np.float32) * 0.02
    clip[8000:24000] += TONE
    assert check_silence([Interval("a", 0.5, 1.5)], clip, 16000).loud_ratio < 0.05


def test_more_phones_than_anyone_speaks() -> None:
    with pytest.raises(AlignError) as caught:
        require_plausible_rate(50, 1.0, 30.0)
    assert caught.value.code == "rate_outlier"
