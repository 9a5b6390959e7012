"""Geometry of the page's small charts: numbers in, coordinates in, no markup.

Templates draw these as inline SVG coloured by the page's style sheet, which makes them follow light and
dark and keeps them a few hundred bytes. Coordinates are in the chart's own 360 x 200 units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 22, 34
MAX_CURVE_POINTS = 240


class Tick(NamedTuple):
    at: float
    label: str


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    label: str


class Mark(NamedTuple):
    """A vertical line that the eye should compare with, for example a threshold."""

    at: float
    label: str


class Histogram(NamedTuple):
    bars: list[Bar]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    marks: list[Mark]


class Stroke(NamedTuple):
    label: str
    path: str
    end_x: float
    end_y: float
    last: str
    points: int


class CurveChart(NamedTuple):
    strokes: list[Stroke]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def histogram(values: Sequence[float], unit: str, marks: Sequence[tuple[float, str]] = ()) -> Histogram:
    """Bars over round bin edges. Marks outside the range of the values are left out.

    Raises:
        ValueError: no finite value.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        raise ValueError("a histogram needs at least one finite value")
    low, high = min(finite), max(finite)
    step = _round_step((high - low) / min(18, max(9, 1.6 * math.sqrt(len(finite)))))
    first = math.floor(low / step)
    bins = max(1, math.floor(high / step) - first + 1)
    counts = [0] * bins
    for value in finite:
        counts[min(bins - 1, math.floor(value / step) - first)] += 1
    edge_low, edge_high = first * step, (first + bins) * step
    x_ticks = [t for t in nice_ticks(edge_low, edge_high, 6) if edge_low <= t <= edge_high]
    y_top = max(counts)
    y_ticks = [t for t in nice_ticks(0, y_top, 4) if t == int(t) and t <= y_top]

    def x(value: float) -> float:
        return _scale(value, edge_low, edge_high, LEFT, WIDTH - RIGHT)

    def y(count: float) -> float:
        return _scale(count, 0, y_top, HEIGHT - BOTTOM, TOP)

    bars = []
    for index, count in enumerate(counts):
        start = edge_low + index * step
        label = f"{plain(start)} to {plain(start + step)} {unit}: {count}".replace("  ", " ")
        left, right = x(start), x(start + step)
        gap = min(2.0, (right - left) / 8)
        bars.append(Bar(_r(left + gap / 2), _r(y(count)), _r(right - left - gap), _r(y(0) - y(count)), label))
    return Histogram(
        bars,
        [Tick(_r(x(t)), plain(t)) for t in x_ticks],
        [Tick(_r(y(t)), plain(t)) for t in y_ticks],
        [Mark(_r(x(at)), label) for at, label in marks if edge_low <= at <= edge_high],
    )


def curve_chart(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> CurveChart:
    """Lines over steps. Values that are not finite are left out; long lines become bucket means.

    Raises:
        ValueError: no finite point.
    """
    finite = [
        (label, [(s, v) for s, v in points if math.isfinite(s) and math.isfinite(v)])
        for label, points in lines
    ]
    finite = [(label, points) for label, points in finite if points]
    if not finite:
        raise ValueError("a curve needs at least one finite point")
    shown = [(label, points, _thin(points)) for label, points in finite]
    steps = [s for _, _, points in shown for s, _ in points]
    values = [v for _, _, points in shown for _, v in points]
    x_low, x_high = _padded(min(steps), max(steps), 0.0)
    y_low, y_high = _padded(min(values), max(values), 0.06)

    def x(step: float) -> float:
        return _scale(step, x_low, x_high, LEFT, WIDTH - RIGHT)

    def y(value: float) -> float:
        return _scale(value, y_low, y_high, HEIGHT - BOTTOM, TOP)

    strokes = []
    for label, points, thinned in shown:
        path = "M" + "L".join(f"{_r(x(s))} {_r(y(v))}" for s, v in thinned)
        if len(thinned) == 1:
            path += "h0.01"
        last_step, last_value = thinned[-1]
        end = (_r(x(last_step)), _r(y(last_value)))
        strokes.append(Stroke(label, path, *end, plain(points[-1][1]), len(points)))
    return CurveChart(
        strokes,
        [Tick(_r(x(t)), plain(t)) for t in nice_ticks(x_low, x_high, 5) if x_low <= t <= x_high],
        [Tick(_r(y(t)), plain(t)) for t in nice_ticks(y_low, y_high, 4) if y_low <= t <= y_high],
    )


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers that span the range."""
    step = _round_step((high - low) / max(1, count))
    return [_clean(index * step) for index in range(math.floor(low / step), math.ceil(high / step) + 1)]


def plain(value: float, significant: int = 4) -> str:
    """A number as a person writes it: few significant digits, thousands grouped, a true minus sign."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "not finite"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        text = f"{value:.2e}"
    elif size >= 1000:
        text = f"{value:,.0f}"
    else:
        digits = max(0, significant - 1 - math.floor(math.log10(size)))
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    size = math.ceil(len(points) / MAX_CURVE_POINTS)
    buckets = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (sum(s for s, _ in bucket) / len(bucket), sum(v for _, v in bucket) / len(bucket))
        for bucket in buckets
    ]


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    if high == low:
        pad = abs(high) * 0.1 or 1.0
        return low - pad, high + pad
    return low - share * (high - low), high + share * (high - low)


def _round_step(rough: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten at or above `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))


def _scale(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (end - start) * (value - low) / (high - low)


def _clean(value: float) -> float:
    return float(f"{value:.10g}")


def _r(value: float) -> float:
    return round(value, 2)
