"""What an evaluation comes to, in words."""

from __future__ import annotations

from collections.abc import Mapping

from models.metrics.intervals import Interval

_PATHS = ("sentences", "text")
_ERRORS = ("word_error_rate", "character_error_rate")
_UNDERSTOOD = (
    (0.10, "strangers understand it"),
    (0.25, "mostly understood"),
    (0.60, "hard to understand"),
    (float("inf"), "cannot be understood: do not use"),
)
"""Error rates up to which these words hold; what the recogniser mishears of the recordings comes on top."""
_MISHEARD = 0.25
"""The most that comes on top: a recogniser that mishears more is no judge."""
_OPINIONS = {"dnsmos": "", "distillmos": " by DistillMOS"}
"""Predictors, the one that is told first where it is here, and how the words name it: their scales differ."""
_SIMILAR = ((0.85, "passes for the speaker"), (0.70, "is like the speaker"), (-1.0, "is unlike the speaker"))
"""Similarity by an independent encoder from which on these words hold."""


def verdict(measured: Mapping[str, Interval]) -> str:
    """One sentence that heads report, card and registry; what was not judged is said too."""
    parts = [_understood(measured)]
    similar = _first(measured, ("independent_similarity",))
    if similar is not None:
        name, one = similar
        what = next(words for least, words in _SIMILAR if one.mean >= least)
        parts.append(f"{what} (similarity {one}{_beside(measured, name)})")
    opinion = _first(measured, tuple(_OPINIONS))
    if opinion is not None:
        name, one = opinion
        by = _OPINIONS[name.partition("/")[2]]
        parts.append(f"naturalness {one} of 5{by}{_beside(measured, name)}")
    return "; ".join(parts)


def _understood(measured: Mapping[str, Interval]) -> str:
    found = _first(measured, _ERRORS)
    if found is None:
        return "not judged by ear: no recogniser listened"
    name, rate = found
    recorded = measured.get(f"recording/{name.partition('/')[2]}")
    excess = rate.mean - (min(recorded.mean, _MISHEARD) if recorded is not None else 0.0)
    what = next(words for most, words in _UNDERSTOOD if excess <= most)
    return f"{what} (error rate {rate}{_beside(measured, name)})"


def _first(measured: Mapping[str, Interval], metrics: tuple[str, ...]) -> tuple[str, Interval] | None:
    for path in _PATHS:
        for metric in metrics:
            if f"{path}/{metric}" in measured:
                return f"{path}/{metric}", measured[f"{path}/{metric}"]
    return None


def _beside(measured: Mapping[str, Interval], name: str) -> str:
    recorded = measured.get(f"recording/{name.partition('/')[2]}")
    return "" if recorded is None else f"; recordings {recorded.mean:.2f}"
