"""Whether a challenger replaces the champion: the same utterances compared, one by one.

Every difference is the mean over utterances that both spoke, with an interval by bootstrap over utterances
(Efron & Tibshirani 1993, percentile method), so a version judged on other clips is compared on the common
ones. Pure arithmetic: measures in, decision and reasons out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from configs.gates import GatesSettings
from models.metrics.intervals import mean_interval

HIGHER_IS_BETTER = frozenset(
    {
        *("speaker_similarity", "independent_similarity", "f0_correlation", "f0_frames"),
        *("dnsmos", "distillmos", "naturalness"),
        *("recalled_codes", "recalled_codes_edit"),
    }
)
"""Metrics, without their path; of all others less is better."""
RECORDING = "recording/"
"""Path of what was measured of the speaker's own clips."""
NATURALNESS = frozenset({"dnsmos", "distillmos", "naturalness"})
"""Counted up to what the speaker's own recordings have: beyond that it is another speaker's merit."""
LEAST_UTTERANCES = 5
"""Resampling fewer says nothing of chance: their interval has no ends."""

_UNDECIDED = (
    f"both versions spoke fewer than {LEAST_UTTERANCES} of the same utterances, too few to tell them apart; "
    "listen, and `voicewright promote` the better one (with more held-out clips, `clips` of the family's "
    "section under `release`, the gates decide)"
)

Clips = Mapping[str, Mapping[str, float]]
"""Metric with its path -> utterance -> value."""


class Measured(NamedTuple):
    """What the gates know of a version.

    Attributes:
        about: What each metric is, its judge included: what two judges measured is not compared.
        name: Of a published voice; empty for a version.
    """

    number: int
    hours: float
    clips: Clips
    about: Mapping[str, str] = {}
    name: str = ""


class Difference(NamedTuple):
    """By how much the challenger is better, in the metric's unit; below 0 it is worse.

    Attributes:
        metric: With its path.
        champion, challenger: Means over the common utterances.
        better: Mean difference, above 0 for the better challenger, and its interval's ends.
        utterances: How many both spoke.
    """

    metric: str
    champion: float
    challenger: float
    better: float
    low: float
    high: float
    utterances: int

    @property
    def is_decided(self) -> bool:
        """Whether enough utterances were compared to tell it from chance."""
        return self.utterances >= LEAST_UTTERANCES

    @property
    def is_worse(self) -> bool:
        """Beyond its interval."""
        return self.high < 0

    @property
    def is_better(self) -> bool:
        """Beyond its interval."""
        return self.low > 0

    def __str__(self) -> str:
        if not self.is_decided:
            return (
                f"{self.metric} undecided: {self.challenger:.4g}, was {self.champion:.4g} "
                f"({self.utterances} utterances, too few to tell from chance)"
            )
        what = "better" if self.is_better else "worse" if self.is_worse else "no different"
        return (
            f"{self.metric} {what}: {self.challenger:.4g}, was {self.champion:.4g} "
            f"(difference {self.better:+.3g}, {self.low:+.3g} to {self.high:+.3g}, "
            f"{self.utterances} utterances)"
        )


class Decision(NamedTuple):
    """What the gates say."""

    promotes: bool
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        return "; ".join(self.reasons)


def measured_of(number: int, hours: float, evaluation: Mapping[str, Any]) -> Measured:
    """A version with what its `evaluation.json` tells."""
    about = {name: one["about"] for name, one in evaluation["metrics"].items()}
    return Measured(number, hours, clips_of(evaluation), about)


def clips_of(evaluation: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The values of each utterance out of `evaluation.json`, by metric."""
    found: dict[str, dict[str, float]] = {}
    for clip in evaluation["clips"]:
        for name, value in clip.items():
            if "/" in name:
                found.setdefault(name, {})[clip["utterance_id"]] = float(value)
    return found


def decide(
    champion: Measured,
    challenger: Measured,
    gates: GatesSettings,
    seed: int = 0,
    base: Measured | None = None,
) -> Decision:
    """Compare a challenger with the champion.

    Args:
        seed: Of the bootstrap.
        base: What the model could say before it was trained; what it forgot forbids it.
    """
    differences = tuple(
        difference(name, *_counted(name, champion, challenger), gates.confidence, seed)
        for name in compared(champion, challenger)
        if _metric(name) in {*gates.not_worse, *gates.improve}
    )
    forbidden = [*_forbidden(challenger.clips, gates.forbidden), *_forgotten(base, challenger, gates, seed)]
    worse = [one for one in differences if one.is_worse and _metric(one.metric) in gates.not_worse]
    if forbidden or worse:
        return Decision(False, (*forbidden, *map(str, worse)), differences)
    if not differences:
        return Decision(
            False,
            ("nothing that the gates compare was measured on utterances that both versions spoke",),
            differences,
        )
    improved = [one for one in differences if one.is_better and _metric(one.metric) in gates.improve]
    if improved:
        return Decision(True, tuple(map(str, improved)), differences)
    if not any(one.is_decided for one in differences):
        return Decision(False, (_UNDECIDED,), differences)
    more_min = 60 * (challenger.hours - champion.hours)
    if challenger.hours > champion.hours * (1 + gates.more_speech):
        return Decision(
            True,
            (f"no worse than version {champion.number}, and {more_min:.1f} more minutes heard",),
            differences,
        )
    return Decision(
        False,
        (f"no better than version {champion.number} beyond chance, and no more speech heard",),
        differences,
    )


def _counted(
    metric: str, champion: Measured, challenger: Measured
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """The values of both; naturalness up to that of the recordings, where those were heard."""
    old, new = champion.clips[metric], challenger.clips[metric]
    recorded = challenger.clips.get(f"{RECORDING}{_metric(metric)}", {})
    if _metric(metric) not in NATURALNESS or not recorded:
        return old, new
    most = float(np.mean(list(recorded.values())))
    return {name: min(v, most) for name, v in old.items()}, {name: min(v, most) for name, v in new.items()}


def difference(
    metric: str,
    champion: Mapping[str, float],
    challenger: Mapping[str, float],
    confidence: float,
    seed: int = 0,
) -> Difference:
    """One metric on the utterances that both spoke, which must be at least one."""
    common = sorted(champion.keys() & challenger.keys())
    old = np.array([champion[name] for name in common])
    new = np.array([challenger[name] for name in common])
    sign = 1.0 if _metric(metric) in HIGHER_IS_BETTER else -1.0
    gains = sign * (new - old)
    better, low, high, _ = mean_interval(gains.tolist(), confidence, seed)
    if len(common) < LEAST_UTTERANCES:
        low, high = -np.inf, np.inf
    return Difference(
        metric,
        float(old.mean()),
        float(new.mean()),
        better,
        low,
        high,
        len(common),
    )


def compared(one: Measured, other: Measured) -> list[str]:
    """Metrics that the same judges measured of both, on utterances that both spoke."""
    return sorted(
        name
        for name in one.clips.keys() & other.clips.keys()
        if not _is_recording(name)
        and one.about.get(name) == other.about.get(name)
        and one.clips[name].keys() & other.clips[name].keys()
    )


def _forbidden(clips: Clips, limits: Mapping[str, float]) -> Iterable[str]:
    for name, values in sorted(clips.items()):
        limit = limits.get(_metric(name))
        mean = float(np.mean(list(values.values())))
        if limit is not None and mean > limit and not _is_recording(name):
            yield f"{name} is {mean:.3g}, above gates.forbidden {limit:g}"


def _forgotten(base: Measured | None, challenger: Measured, gates: GatesSettings, seed: int) -> Iterable[str]:
    if base is None:
        return
    for name in compared(base, challenger):
        one = difference(name, base.clips[name], challenger.clips[name], gates.confidence, seed)
        if one.is_worse:
            yield f"forgets what {base.name} could say: {one}"


def _metric(name: str) -> str:
    return name.rpartition("/")[2]


def _is_recording(name: str) -> bool:
    return name.startswith(RECORDING)
