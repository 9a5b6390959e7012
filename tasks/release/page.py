"""The voice's report as one self-contained HTML page: data in, HTML out.

Nothing here reads a store or a clock, so the same data is always the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np

from artifacts.lineage import Lineage
from artifacts.manifest import Reject
from tasks.release import charts, lineage_page, report_audio
from tasks.release.templates.render import render

MAX_REJECTS_SHOWN = 200
PHONE_LETTER_PX, WORD_LETTER_PX, LABEL_PADDING_PX = 6.6, 7.4, 2.0
# A narrow window scrolls along a track of this many pixels a second; a wide one fits the clip.
PX_PER_SECOND = 160
WIDE_TRACK_PX = 1000


@dataclass(frozen=True)
class Group:
    """Clips that share a speaker or a language."""

    name: str
    clips: int
    duration_s: float


@dataclass(frozen=True)
class Distribution:
    """One number per clip."""

    title: str
    unit: str
    values: tuple[float, ...]
    about: str
    limits: tuple[tuple[float, str], ...] = ()
    """Screening thresholds: value and its name."""


@dataclass(frozen=True)
class RejectLine:
    stage: str
    reject: Reject


@dataclass(frozen=True)
class Corpus:
    """The recordings and what became of them: what is usable is learned from or held out.

    Attributes:
        held_out_clips, held_out_s: Usable clips that training never sees, to validate and test by.
    """

    recordings: int
    recorded_s: float
    usable_clips: int
    usable_s: float
    held_out_clips: int
    held_out_s: float
    speakers: tuple[Group, ...]
    languages: tuple[Group, ...]
    distributions: tuple[Distribution, ...]
    rejects: tuple[RejectLine, ...]


@dataclass(frozen=True)
class Span:
    """A phone or word; seconds from the clip's start."""

    label: str
    start_s: float
    end_s: float
    score: float | None = None


@dataclass(frozen=True)
class Utterance:
    """A clip with everything that is drawn over its time axis."""

    utterance_id: str
    speaker: str
    language: str
    text: str
    samples: np.ndarray
    """float `[T]`"""
    sample_rate: int
    f0_hz: np.ndarray
    """`[frames]`, 0 where unvoiced"""
    log_mel: np.ndarray
    """`[frames, n_mels]`"""
    frame_rate_hz: float
    """of `f0_hz` and `log_mel`"""
    phones: tuple[Span, ...]
    words: tuple[Span, ...]
    aligner: str
    remark: str = ""
    """why this clip is shown"""
    snr_db: float | None = None


@dataclass(frozen=True)
class Sound:
    label: str
    samples: np.ndarray
    sample_rate: int
    about: str = ""


@dataclass(frozen=True)
class Comparison:
    """One sentence, heard several ways."""

    title: str
    text: str
    language: str
    sounds: tuple[Sound, ...]


@dataclass(frozen=True)
class Curve:
    """One quantity over training steps."""

    stage: str
    name: str
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    unit: str = ""
    about: str = ""
    minor: bool = False
    """a bookkeeping quantity, folded away"""


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    better: str
    """`lower`, `higher` or empty."""
    meaning: str
    values: Mapping[str, float]
    """Way of rendering -> mean over the clips."""


@dataclass(frozen=True)
class StageLine:
    """A row of the stage table."""

    name: str
    rows: int
    files: int
    rejects: int
    key: str
    output: str


@dataclass(frozen=True)
class ReportData:
    """Everything the page shows."""

    voice: str
    family: str
    preset: str
    corpus: Corpus
    utterances: tuple[Utterance, ...]
    comparisons: tuple[Comparison, ...]
    curves: tuple[Curve, ...]
    metrics: tuple[Metric, ...]
    stages: tuple[StageLine, ...]
    lineage: Lineage
    phases: Mapping[str, Sequence[str]]
    """Part of the pipeline -> its stages."""
    config_yaml: str
    verdict: str = ""
    """What the voice is worth, in words; heads the page."""
    notes: tuple[str, ...] = ()
    """Honest remarks shown at the top, for example that the training was tiny."""
    warnings: tuple[tuple[str, str], ...] = ()
    """Stage and what it warned of."""


class _Cell(NamedTuple):
    label: str
    x: float
    width: float
    start_s: float
    end_s: float
    score: float | None
    label_class: str | None
    """Empty: the label fits everywhere; `roomy`: in wide windows; None: nowhere."""


def build_report(data: ReportData) -> str:
    """The page.

    Raises:
        ValueError: a clip has no samples.
    """
    return render(
        "report.html.j2",
        data=data,
        utterances=[_utterance_view(utterance) for utterance in data.utterances],
        comparisons=[_comparison_view(comparison) for comparison in data.comparisons],
        histograms=[_distribution_view(d) for d in data.corpus.distributions if d.values],
        paths=list(dict.fromkeys(path for metric in data.metrics for path in metric.values)),
        curves=[_curve_view(curve) for curve in data.curves],
        reject_counts=Counter(line.reject.code for line in data.corpus.rejects).most_common(),
        rejects_shown=data.corpus.rejects[:MAX_REJECTS_SHOWN],
        hero=report_audio.envelope_bars(data.utterances[0].samples, 160) if data.utterances else [],
        graph=lineage_page.draw(data.lineage, data.phases),
    )


def _utterance_view(utterance: Utterance) -> dict[str, object]:
    if utterance.samples.size == 0:
        raise ValueError(f"utterance {utterance.utterance_id!r} has no samples")
    duration_s = utterance.samples.size / utterance.sample_rate
    step = next((s for s in (0.5, 1, 2, 5) if duration_s / s <= 14), 10)
    pitch = report_audio.pitch_track(utterance.f0_hz)
    return {
        "data": utterance,
        "duration_s": duration_s,
        "min_width_px": round(duration_s * PX_PER_SECOND),
        "audio": report_audio.player_uri(utterance.samples, utterance.sample_rate),
        "wave": report_audio.wave_path(utterance.samples),
        "wave_columns": min(report_audio.WAVE_COLUMNS, utterance.samples.size) - 1,
        "mel": report_audio.mel_image(utterance.log_mel) if utterance.log_mel.size else "",
        "pitch": pitch,
        "words": _cells(utterance.words, duration_s, WORD_LETTER_PX),
        "phones": _cells(utterance.phones, duration_s, PHONE_LETTER_PX),
        "ticks": [
            charts.Tick(round(100 * i * step / duration_s, 3), f"{charts.plain(i * step)} s")
            for i in range(int(duration_s / step) + 1)
            if i * step < duration_s - 0.3 * step
        ],
    }


def _cells(spans: Sequence[Span], duration_s: float, letter_px: float) -> list[_Cell]:
    cells = []
    wide_px_per_second = max(PX_PER_SECOND, WIDE_TRACK_PX / duration_s)
    for span in spans:
        start = min(max(span.start_s, 0.0), duration_s)
        end = min(max(span.end_s, start), duration_s)
        wanted_px = len(span.label) * letter_px + LABEL_PADDING_PX
        label_class: str | None = None
        if wanted_px <= (end - start) * PX_PER_SECOND:
            label_class = ""
        elif wanted_px <= (end - start) * wide_px_per_second:
            label_class = "roomy"
        x, width = round(100 * start / duration_s, 3), round(100 * (end - start) / duration_s, 3)
        cells.append(_Cell(span.label, x, width, span.start_s, span.end_s, span.score, label_class))
    return cells


def _comparison_view(comparison: Comparison) -> dict[str, object]:
    return {
        "data": comparison,
        "sounds": [
            {
                "data": sound,
                "duration_s": sound.samples.size / sound.sample_rate,
                "audio": report_audio.player_uri(sound.samples, sound.sample_rate),
                "wave": report_audio.wave_path(sound.samples, 240),
                "columns": min(240, sound.samples.size) - 1,
            }
            for sound in comparison.sounds
            if sound.samples.size
        ],
    }


def _distribution_view(distribution: Distribution) -> dict[str, object]:
    values = sorted(distribution.values)
    return {
        "data": distribution,
        "chart": charts.histogram(values, distribution.unit, distribution.limits),
        "median": median(values),
        "low": values[0],
        "high": values[-1],
    }


def _curve_view(curve: Curve) -> dict[str, object]:
    """A line takes two points: where no line has them its values are told, not drawn."""
    finite = [(label, [v for _, v in points if np.isfinite(v)]) for label, points in curve.lines]
    values = [(label, charts.plain(own[-1])) for label, own in finite if own]
    drawn = any(len(own) > 1 for _, own in finite)
    return {"data": curve, "chart": charts.curve_chart(curve.lines) if drawn else None, "values": values}
