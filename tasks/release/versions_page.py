"""Voices side by side as one self-contained HTML page: data in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from models.metrics.intervals import Interval
from tasks.release import report_audio
from tasks.release.templates.render import render


@dataclass(frozen=True)
class Shown:
    """One voice, or one version of it.

    Attributes:
        name: As it is called: `anna@3`.
        verdict: What it is worth, in words.
        facts: Name and value: preset, speech, date.
        is_live: Whether it is what speaks.
    """

    name: str
    verdict: str
    facts: tuple[tuple[str, str], ...]
    is_live: bool = False


@dataclass(frozen=True)
class Measure:
    """One metric of every voice; None where it was not measured.

    Attributes:
        better: `lower`, `higher` or empty.
        best: Which of them is best beyond chance, by its place; None where none is.
    """

    name: str
    unit: str
    better: str
    meaning: str
    values: tuple[Interval | None, ...]
    best: int | None


class Take(NamedTuple):
    """A sentence as one voice says it."""

    samples: np.ndarray
    sample_rate: int
    log_mel: np.ndarray
    """`[frames, n_mels]`"""
    f0_hz: np.ndarray
    """`[frames]`, 0 where unvoiced"""


@dataclass(frozen=True)
class Said:
    """A sentence and how each voice says it, in their order."""

    text: str
    language: str
    takes: tuple[Take, ...]


@dataclass(frozen=True)
class VersionsData:
    """Everything the page shows."""

    shown: tuple[Shown, ...]
    measures: tuple[Measure, ...]
    said: tuple[Said, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    """Those that differ: name, and the value of each voice."""
    decision: str = ""
    """What the gates say of the last beside the first, in words."""


def build_versions_page(data: VersionsData) -> str:
    """The page."""
    return render(
        "versions.html.j2",
        data=data,
        said=[{"data": one, "takes": _takes(one, [v.name for v in data.shown])} for one in data.said],
    )


def _takes(said: Said, names: Sequence[str]) -> list[dict[str, object]]:
    longest_s = max(take.samples.size / take.sample_rate for take in said.takes)
    views = []
    for name, take in zip(names, said.takes, strict=True):
        duration_s = take.samples.size / take.sample_rate
        views.append(
            {
                "name": name,
                "duration_s": duration_s,
                # One axis of time for all: what is shorter is drawn shorter.
                "width": round(100 * duration_s / longest_s, 2),
                "audio": report_audio.player_uri(take.samples, take.sample_rate),
                "mel": report_audio.mel_image(take.log_mel),
                "pitch": report_audio.pitch_track(take.f0_hz),
            }
        )
    return views
