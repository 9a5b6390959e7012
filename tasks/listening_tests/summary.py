"""What all answers of a test come to: tables of plain numbers, for the page and for the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple, cast

import numpy as np

from models.metrics.intervals import Interval
from models.metrics.listeners import (
    Agreement,
    Share,
    agreement_of_choices,
    agreement_of_scores,
    mean_scores,
    misses_reference,
    share_of,
)
from tasks.listening_tests.record import Choice, KeyRecord, Match, Scores, TrialRecord
from tasks.listening_tests.results import Answers


class Pair(NamedTuple):
    """Two systems against each other.

    Attributes:
        share: Of the decided answers, how many are for the first; in ABX, how many are right.
        undecided: Answers for neither.
        sentences: Sentence's text -> answers for the first, and of how many.
    """

    first: str
    second: str
    share: Share
    undecided: int
    sentences: tuple[tuple[str, int, int], ...]


class Scored(NamedTuple):
    """A system's mean score, and what it is better than beyond chance."""

    name: str
    score: Interval
    better_than: tuple[str, ...]


class Heard(NamedTuple):
    """One rater.

    Attributes:
        answers: How many.
        share: For the first system where there are two, right ones in ABX; None in other tests.
        agreement: With themselves, where they were asked twice; None in ABX, where chance cannot be told so.
        first_share: How often the sound that stood first was chosen; None with sliders.
        misses_reference: Whether the hidden reference was not heard.
    """

    name: str
    answers: int
    share: Share | None
    agreement: Agreement | None
    first_share: float | None
    misses_reference: bool

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why this rater's answers should not be relied on."""
        found = []
        if self.agreement is not None and self.agreement.is_chance:
            found.append("is inconsistent: answers to repeated questions agree no better than chance")
        if self.misses_reference:
            found.append(
                "gives the hidden reference under 90 in more than 15 % of the trials; left out of the means"
            )
        return tuple(found)


@dataclass(frozen=True)
class Summary:
    """A test's outcome; `pairs` of AB and ABX, `scored` of tests with sliders."""

    key: KeyRecord
    raters: tuple[Heard, ...]
    pairs: tuple[Pair, ...] = ()
    scored: tuple[Scored, ...] = ()


def summarise(key: KeyRecord, answers: Sequence[Answers], seed: int = 0) -> Summary:
    """Of one rater or more."""
    if key["kind"] == "mushra":
        return _scores(key, answers, seed)
    return _choices(key, answers)


# -- two sounds


class _Vote(NamedTuple):
    """One answer of AB or ABX: 1 for the first system of the pair, or right; -1 for the other; 0 neither."""

    trial: TrialRecord
    pair: tuple[str, str]
    again: bool
    value: int
    took_first: bool | None


def _choices(key: KeyRecord, answers: Sequence[Answers]) -> Summary:
    trials = {trial["id"]: trial for trial in key["trials"]}
    order = {name: at for at, name in enumerate(key["systems"])}
    votes = {
        one.rater: [_vote(trials[a["trial"]], cast("Choice | Match", a), order) for a in one.answers]
        for one in answers
    }
    side = "greater" if key["kind"] == "abx" else "two-sided"
    # What is asked twice counts once: the second answer is not independent of the first.
    fresh = [vote for own in votes.values() for vote in own if not vote.again]
    pairs = []
    for pair in combinations(key["systems"], 2):
        own = [vote for vote in fresh if vote.pair == pair]
        decided = [vote for vote in own if vote.value]
        counted: dict[str, list[int]] = defaultdict(list)
        for vote in decided:
            counted[vote.trial["text"] or vote.trial["sentence"]].append(vote.value == 1)
        share = share_of(sum(vote.value == 1 for vote in decided), len(decided), side=side)  # type: ignore[arg-type]
        by_sentence = tuple((text, sum(found), len(found)) for text, found in counted.items())
        pairs.append(Pair(*pair, share, len(own) - len(decided), by_sentence))
    heard = tuple(_rater(key, name, own) for name, own in votes.items())
    return Summary(key, heard, pairs=tuple(pairs))


def _vote(trial: TrialRecord, answer: Choice | Match, order: dict[str, int]) -> _Vote:
    first, second = sorted(trial["stimuli"].values(), key=order.__getitem__)
    took_first = None if answer["choice"] == "neither" else answer["choice"] == "first"
    if took_first is None:
        return _Vote(trial, (first, second), answer["again"], 0, None)
    chosen = answer["first"] if took_first else answer["second"]
    won = chosen == answer["x"] if "x" in answer else trial["stimuli"][chosen] == first  # type: ignore[typeddict-item]
    return _Vote(trial, (first, second), answer["again"], 1 if won else -1, took_first)


def _rater(key: KeyRecord, name: str, votes: Sequence[_Vote]) -> Heard:
    decided = [vote for vote in votes if vote.took_first is not None]
    took_first = sum(bool(vote.took_first) for vote in decided) / len(decided) if decided else None
    fresh = [vote for vote in decided if not vote.again]
    share = None
    if key["kind"] == "abx":
        share = share_of(sum(vote.value == 1 for vote in fresh), len(fresh), side="greater")
    elif len(key["systems"]) == 2:
        share = share_of(sum(vote.value == 1 for vote in fresh), len(fresh))
    agreement = None
    if key["kind"] == "ab":
        first = {vote.trial["id"]: vote.value for vote in votes if not vote.again}
        again = {vote.trial["id"]: vote.value for vote in votes if vote.again}
        agreement = agreement_of_choices([first[name] for name in again], list(again.values()))
    return Heard(name, len(votes), share, agreement, took_first, misses_reference=False)


# -- sliders


def _scores(key: KeyRecord, answers: Sequence[Answers], seed: int) -> Summary:
    trials = {trial["id"]: at for at, trial in enumerate(key["trials"])}
    systems = {name: at for at, name in enumerate(key["systems"])}
    given = np.full((2, len(answers), len(trials), len(systems)), np.nan)
    for rater, one in enumerate(answers):
        for answer in cast("list[Scores]", one.answers):
            at = trials[answer["trial"]]
            stimuli = key["trials"][at]["stimuli"]
            for opaque, score in answer["scores"].items():
                given[int(answer["again"]), rater, at, systems[stimuli[opaque]]] = score
    first, again = given
    reference = systems.get(key["reference"] or "")
    heard = tuple(
        Heard(
            one.rater,
            len(one.answers),
            None,
            _agreement(first[at], again[at]),
            None,
            reference is not None and misses_reference(first[at, :, reference]),
        )
        for at, one in enumerate(answers)
    )
    passed = [at for at, one in enumerate(heard) if not one.misses_reference] or list(range(len(heard)))
    means, differences = mean_scores(first[passed], seed=seed)
    names = key["systems"]
    scored = [
        Scored(name, means[at], tuple(other for by, other in enumerate(names) if differences[at][by].low > 0))
        for at, name in enumerate(names)
    ]
    return Summary(key, heard, scored=tuple(sorted(scored, key=lambda one: -one.score.mean)))


def _agreement(first: Any, again: Any) -> Agreement:
    asked = np.isfinite(again).all(axis=1)
    return agreement_of_scores(first[asked].tolist(), again[asked].tolist())


# -- in words


def in_words(summary: Summary) -> list[str]:
    """The outcome, a line each."""
    key, raters = summary.key, summary.raters
    counted = Counter(len(rater.doubts) > 0 for rater in raters)
    asked = len(key["trials"])
    counts = f"{len(raters)} rater{'s' * (len(raters) != 1)}, {asked} question{'s' * (asked != 1)}"
    lines = [f"{key['test']}: {counts}"]
    lines += [_pair_in_words(key["kind"], pair) for pair in summary.pairs]
    lines += [_score_in_words(one) for one in summary.scored]
    lines += [f"{rater.name} {doubt}" for rater in raters for doubt in rater.doubts]
    if counted[True] == len(raters):
        lines.append("every rater is to be doubted, and so is the outcome")
    return lines


def _pair_in_words(kind: str, pair: Pair) -> str:
    share = pair.share
    figures = (
        f"{share.share:.0%}, 95 % interval {share.low:.0%} to {share.high:.0%}, {share.hits} of {share.of} "
        f"answers, p = {share.p_value:.2g}"
    )
    aside = f", {pair.undecided} undecided" if pair.undecided else ""
    if kind == "abx":
        said = "are told apart" if share.p_value <= 0.05 else "are not told apart beyond chance"
        return f"{pair.first} and {pair.second} {said} ({figures})"
    if share.p_value > 0.05:
        return f"neither of {pair.first} and {pair.second} is preferred ({pair.first}: {figures}{aside})"
    better, worse = (pair.first, pair.second) if share.share > 0.5 else (pair.second, pair.first)
    return f"{better} is preferred to {worse} ({pair.first}: {figures}{aside})"


def _score_in_words(one: Scored) -> str:
    better = f"; better than {', '.join(one.better_than)}" if one.better_than else ""
    low, high = f"{one.score.low:.0f}", f"{one.score.high:.0f}"
    return f"{one.name}: {one.score.mean:.0f} of 100, 95 % interval {low} to {high}{better}"
