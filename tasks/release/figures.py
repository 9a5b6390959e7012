"""Figures for the tracking server: arrays in, PNG bytes out.

Matplotlib is imported when a figure is drawn and used without its global state, so importing this module
costs nothing and drawing from several threads is safe. The same arrays give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENT, SECOND, MUTED = "#0d6a61", "#b2471f", "#5a5e67"
DOTS_PER_INCH = 90


def f0_figure(f0_hz: np.ndarray, frame_rate_hz: float, title: str = "F0") -> bytes:
    """Pitch over time; unvoiced frames are gaps.

    Args:
        f0_hz: `[frames]`, 0 where unvoiced.
        frame_rate_hz: frames per second.
    """
    figure, axes = _canvas(title, "seconds", "Hz", width=9, height=2.6)
    f0 = np.asarray(f0_hz, dtype=np.float64)
    axes.plot(np.arange(f0.size) / frame_rate_hz, np.where(f0 > 0, f0, np.nan), color=SECOND)
    axes.set_xlim(0, max(f0.size, 1) / frame_rate_hz)
    return _png(figure)


def mel_figure(log_mel: np.ndarray, frame_rate_hz: float, title: str = "Mel spectrogram") -> bytes:
    """Natural-log mel `[frames, n_mels]` as an image."""
    figure, axes = _canvas(title, "seconds", "mel band", width=9, height=3)
    _draw_mel(axes, log_mel, log_mel.shape[0] / frame_rate_hz)
    return _png(figure)


def mel_figures(log_mels: Mapping[str, np.ndarray], frame_rate_hz: float) -> bytes:
    """Natural-log mels `[frames, n_mels]` one under the other, by what they are, on one scale of time."""
    from matplotlib.figure import Figure

    longest_s = max(len(mel) for mel in log_mels.values()) / frame_rate_hz
    figure = Figure(figsize=(9, 2.3 * len(log_mels)), dpi=DOTS_PER_INCH, layout="constrained")
    for axes, (title, mel) in zip(
        figure.subplots(len(log_mels), squeeze=False)[:, 0], log_mels.items(), strict=True
    ):
        _plain(axes, title, "seconds", "mel band")
        _draw_mel(axes, mel, len(mel) / frame_rate_hz)
        axes.set_xlim(0, longest_s)
    return _png(figure)


def alignment_figure(
    log_mel: np.ndarray,
    frame_rate_hz: float,
    phones: Sequence[Mapping[str, object]],
    words: Sequence[Mapping[str, object]],
    title: str = "Alignment",
) -> bytes:
    """Phone and word intervals over the mel spectrogram.

    Args:
        log_mel: natural-log mel `[frames, n_mels]`.
        frame_rate_hz: frames per second.
        phones: intervals with `label`, `start_s`, `end_s`.
        words: the same for words.
    """
    duration_s = log_mel.shape[0] / frame_rate_hz
    figure, axes = _canvas(title, "seconds", "mel band", width=max(9.0, 2.2 * duration_s), height=3.6)
    _draw_mel(axes, log_mel, duration_s)
    for spans, height, size, colour in ((phones, 1.02, 7, MUTED), (words, 1.09, 9, "black")):
        for span in spans:
            start, end = float(str(span["start_s"])), float(str(span["end_s"]))
            axes.axvline(start, color="white", linewidth=0.5 if spans is phones else 1.1)
            axes.text(
                (start + end) / 2,
                height,
                str(span["label"]).replace("$", r"\$"),
                transform=axes.get_xaxis_transform(),
                ha="center",
                fontsize=size,
                color=colour,
            )
    axes.set_title(title, loc="left", pad=34)
    return _png(figure)


def histogram_figure(values: Sequence[float], title: str, unit: str) -> bytes:
    """Distribution of one number per clip."""
    figure, axes = _canvas(title, unit, "clips", width=5.5, height=3.2)
    finite = [value for value in values if np.isfinite(value)]
    if finite:
        axes.hist(finite, bins=min(30, max(8, round(2 * len(finite) ** 0.5))), color=ACCENT, rwidth=0.94)
    return _png(figure)


def loss_figure(
    series: Mapping[str, Sequence[tuple[float, float]]], title: str, units: Mapping[str, str] = {}
) -> bytes:
    """One panel per quantity over steps; values that are not finite are gaps. units: Those that have one."""
    from matplotlib.figure import Figure

    columns = min(3, max(1, len(series)))
    rows = max(1, -(-len(series) // columns))
    figure = Figure(figsize=(4.2 * columns, 2.7 * rows), dpi=DOTS_PER_INCH, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, name in zip(panels, sorted(series), strict=False):
        points = np.asarray(series[name], dtype=np.float64).reshape(-1, 2)
        values = np.where(np.isfinite(points[:, 1]), points[:, 1], np.nan)
        axes.plot(points[:, 0], values, color=ACCENT, marker="." if len(points) < 20 else "")
        _plain(axes, name, "step", units.get(name) or "loss")
    for axes in panels[len(series) :]:
        axes.set_visible(False)
    return _png(figure)


def _canvas(title: str, x_label: str, y_label: str, width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    _plain(axes, title, x_label, y_label)
    return figure, axes


def _plain(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    axes.set_title(title.replace("$", r"\$"), loc="left", fontsize=10)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_mel(axes: Axes, log_mel: np.ndarray, duration_s: float) -> None:
    image = np.nan_to_num(np.asarray(log_mel, dtype=np.float32), neginf=-20.0, posinf=20.0).T
    low, high = np.percentile(image, (4, 99.7))
    axes.imshow(
        image,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=low,
        vmax=max(float(high), float(low) + 1e-6),
        extent=(0, duration_s, 0, image.shape[0]),
    )


def _png(figure: Figure) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
