"""What the gates make of two versions that said the same sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.gates import GatesSettings
from tasks.release.listening import NAMES
from tasks.versions.gates import Decision, Measured, clips_of, decide, difference

GATES = GatesSettings()
SENTENCES = [f"s{number}" for number in range(12)]


def version(number: int, hours: float = 1.0, **means: float) -> Measured:
    """A version whose sentences scatter a little around a mean for each metric; `__` stands for the slash."""
    clips = {
        name.replace("__", "/"): {one: mean + 0.001 * (at % 3 - 1) for at, one in enumerate(SENTENCES)}
        for name, mean in means.items()
    }
    return Measured(number, hours, clips)


def test_a_better_one_is_promoted_and_a_worse_one_is_not() -> None:
    before, better = version(1, text__speaker_similarity=0.8), version(2, text__speaker_similarity=0.85)
    decided = decide(before, better, GATES)
    assert decided.promotes
    assert "text/speaker_similarity better: 0.85, was 0.8" in str(decided)
    assert not decide(better, before, GATES).promotes
    assert "worse" in str(decide(better, before, GATES))


def test_less_is_better_for_errors() -> None:
    before, fewer = version(1, sentences__word_error_rate=0.2), version(2, sentences__word_error_rate=0.1)
    assert decide(before, fewer, GATES).promotes
    assert not decide(fewer, before, GATES).promotes


def test_one_that_is_worse_in_one_way_stays_back_however_much_better_in_another() -> None:
    before = version(1, text__speaker_similarity=0.8, sentences__word_error_rate=0.05)
    metallic = version(2, text__speaker_similarity=0.95, sentences__word_error_rate=0.15)
    decided = decide(before, metallic, GATES)
    assert not decided.promotes
    assert decided.reasons == tuple(map(str, [one for one in decided.differences if one.is_worse]))


def test_naturalness_counts_up_to_the_recordings_own() -> None:
    """A voice that comes nearer to a speaker comes nearer to how natural the recordings are, too."""
    before = version(1, text__dnsmos=3.4, text__speaker_similarity=0.7)
    nearer = version(2, text__dnsmos=3.3, text__speaker_similarity=0.8, recording__dnsmos=3.2)
    assert decide(before, nearer, GATES).promotes
    worse = version(2, text__dnsmos=3.1, text__speaker_similarity=0.8, recording__dnsmos=3.2)
    assert not decide(before, worse, GATES).promotes
    unheard = version(2, text__dnsmos=3.3, text__speaker_similarity=0.8)
    assert not decide(before, unheard, GATES).promotes


def test_an_even_one_is_promoted_when_it_learned_from_more_speech() -> None:
    before, same = version(1, text__dnsmos=3.0), version(2, text__dnsmos=3.0)
    assert not decide(before, same, GATES).promotes
    decided = decide(before, same._replace(hours=1.5), GATES)
    assert decided.promotes
    assert "30.0 more minutes" in str(decided)


def test_artefacts_forbid() -> None:
    before = version(1, text__speaker_similarity=0.8)
    clipped = version(2, text__speaker_similarity=0.9, text__clipped_share=0.02)
    decided = decide(before, clipped, GATES)
    assert not decided.promotes
    assert "text/clipped_share is 0.02, above gates.forbidden 0.001" in str(decided)


def test_recordings_are_no_version() -> None:
    loud = version(2, text__speaker_similarity=0.9, recording__clipped_share=0.5)
    assert decide(version(1, text__speaker_similarity=0.8), loud, GATES).promotes


def test_only_common_sentences_are_compared() -> None:
    before, after = version(1, text__dnsmos=3.0), version(2, text__dnsmos=3.5)
    clips = {"text/dnsmos": {one: before.clips["text/dnsmos"][one] for one in SENTENCES[:8]}}
    easy = {f"new{number}": 5.0 for number in range(20)}
    after = after._replace(clips={"text/dnsmos": {**after.clips["text/dnsmos"], **easy}})
    (one,) = decide(before._replace(clips=clips), after, GATES).differences
    assert one.utterances == 8
    assert one.challenger == pytest.approx(3.5, abs=0.01)


def test_what_two_judges_heard_is_not_compared() -> None:
    before, after = version(1, text__word_error_rate=0.4), version(2, text__word_error_rate=0.1)
    before = before._replace(about={"text/word_error_rate": "heard by pocketsphinx"})
    after = after._replace(about={"text/word_error_rate": "heard by whisper-base"})
    assert decide(before, after, GATES).differences == ()
    assert decide(before._replace(about=after.about), after, GATES).promotes


def test_few_sentences_decide_nothing() -> None:
    few = {"text/dnsmos": {"a": 3.0, "b": 3.0}}
    more = {"text/dnsmos": {"a": 4.0, "b": 4.0}}
    assert not decide(Measured(1, 1.0, few), Measured(2, 1.0, more), GATES).promotes
    (one,) = decide(Measured(1, 1.0, more), Measured(2, 1.0, few), GATES).differences
    assert not one.is_worse
    assert str(one) == "text/dnsmos undecided: 3, was 4 (2 utterances, too few to tell from chance)"


def test_more_speech_promotes_nothing_that_could_not_be_compared() -> None:
    before = {"text/word_error_rate": {"a": 0.1, "b": 0.1, "c": 0.1}}
    ruined = {"text/word_error_rate": {"a": 1.0, "b": 1.0, "c": 1.0}}
    decided = decide(Measured(1, 1.0, before), Measured(2, 2.0, ruined), GATES)
    assert not decided.promotes
    assert "fewer than 5 of the same utterances" in str(decided)


def test_nothing_in_common_is_said() -> None:
    decided = decide(Measured(1, 1.0, {}), version(2, 2.0, text__dnsmos=4.0), GATES)
    assert decided == Decision(
        False, ("nothing that the gates compare was measured on utterances that both versions spoke",), ()
    )


@given(st.lists(st.floats(0, 1), min_size=5, max_size=20), st.integers(0, 9))
def test_the_mean_difference_lies_in_its_interval_and_turns_with_the_sides(
    values: list[float], seed: int
) -> None:
    old = {f"s{at}": value for at, value in enumerate(values)}
    new = {name: value * 0.5 + 0.2 for name, value in old.items()}
    one = difference("text/dnsmos", old, new, 0.95, seed)
    other = difference("text/dnsmos", new, old, 0.95, seed)
    assert one.low - 1e-9 <= one.better <= one.high + 1e-9
    assert other.better == pytest.approx(-one.better)
    assert other.low == pytest.approx(-one.high)


@pytest.mark.parametrize(("metric", "better"), [(name, way) for name, (_, _, way) in NAMES.items() if way])
def test_what_is_better_is_what_the_pages_say(metric: str, better: str) -> None:
    gained = difference(f"text/{metric}", {"a": 1.0}, {"a": 2.0}, 0.95).better
    assert gained == (1 if better == "higher" else -1)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    held = 0
    for trial in range(200):
        gains = rng.normal(0.3, 1.0, 30)
        old = {f"s{at}": 0.0 for at in range(30)}
        new = {f"s{at}": float(gain) for at, gain in enumerate(gains)}
        one = difference("text/dnsmos", old, new, 0.95, trial)
        held += one.low <= 0.3 <= one.high
    assert 0.88 <= held / 200 <= 0.99


def test_the_clips_of_an_evaluation() -> None:
    found = clips_of({"clips": [{"utterance_id": "a", "text/dnsmos": 3}, {"utterance_id": "b"}]})
    assert found == {"text/dnsmos": {"a": 3.0}}
