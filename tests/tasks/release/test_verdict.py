"""What is said of a voice, by its measures."""

from __future__ import annotations

import pytest

from models.metrics.intervals import Interval
from tasks.release.verdict import verdict


def near(mean: float) -> Interval:
    return Interval(mean, mean - 0.02, mean + 0.01)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.06, "strangers understand it (error rate 0.06 ± 0.02; recordings 0.05)"),
        (0.25, "mostly understood (error rate 0.25 ± 0.02; recordings 0.05)"),
        (0.5, "hard to understand (error rate 0.50 ± 0.02; recordings 0.05)"),
        (0.9, "cannot be understood: do not use (error rate 0.90 ± 0.02; recordings 0.05)"),
    ],
)
def test_by_words_misheard(rate: float, said: str) -> None:
    measured = {"sentences/word_error_rate": near(rate), "recording/word_error_rate": near(0.05)}
    assert verdict(measured) == said


def test_a_recogniser_that_mishears_the_recordings_excuses_no_gibberish() -> None:
    measured = {"text/word_error_rate": near(1.0), "recording/word_error_rate": near(0.9)}
    assert verdict(measured).startswith("cannot be understood")


def test_everything_together() -> None:
    measured = {
        "text/word_error_rate": near(0.9),
        "sentences/word_error_rate": near(0.03),
        "sentences/independent_similarity": near(0.79),
        "recording/independent_similarity": near(0.93),
        "sentences/dnsmos": near(3.1),
    }
    assert verdict(measured) == (
        "strangers understand it (error rate 0.03 ± 0.02); is like the speaker (similarity 0.79 ± 0.02; "
        "recordings 0.93); naturalness 3.10 ± 0.02 of 5"
    )


def test_the_second_predictor_speaks_where_the_first_is_not_here_and_by_name() -> None:
    both = {"text/dnsmos": near(3.1), "text/distillmos": near(4.3), "recording/distillmos": near(4.4)}
    assert verdict(both).endswith("naturalness 3.10 ± 0.02 of 5")
    del both["text/dnsmos"]
    assert verdict(both).endswith("naturalness 4.30 ± 0.02 of 5 by DistillMOS; recordings 4.40")


def test_what_one_clip_says_has_no_interval() -> None:
    measured = {"text/word_error_rate": Interval(0.15, 0.15, 0.15, 1), "text/dnsmos": near(3.1)}
    assert verdict(measured) == (
        "mostly understood (error rate 0.15 (one clip)); naturalness 3.10 ± 0.02 of 5"
    )


def test_nobody_listened() -> None:
    assert verdict({"text/warped_mel_distance_db": near(4.0)}).startswith("not judged by ear")
