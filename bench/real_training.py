"""What half an hour of one CPU core makes of a few minutes of real speech.

    PYTHONPATH=. python bench/real_training.py WORKSPACE FOLDER... [--set SETTING=VALUE ...]

Trains a voice from each folder of recordings with the preset `small`, from scratch, and writes
`bench/results/real_training.json`: the validation curves (held-out clips, through the posterior's mean), the
losses of the text-to-semantic decoder and how much of its training clips it gives back, all measures of the
rendered samples, and the CPU time of both trainings. A training that WORKSPACE already holds is not repeated,
so its time is missing; give a new one to measure time. The report of each voice lies in WORKSPACE.
"""

from __future__ import annotations

from typing import Any

from bench.measuring import voices
from bench.measuring.voices import measures, minutes, read, thinned
from tasks.pipeline import Pipeline

GOOD_CORRELATION = 0.8
MEASURES = ("mel", "f0_correlation", "voicing_error", "f0_frames")


def describe(pipeline: Pipeline, step_s: dict[str, float | None]) -> dict[str, Any]:
    """Both trainings, and what their voice is like."""
    return {
        "sovits": sovits(pipeline, step_s["train_sovits"]),
        "t2s": t2s(pipeline, step_s["train_t2s"]),
        "measures": measures(pipeline),
    }


def sovits(pipeline: Pipeline, step_s: float | None) -> dict[str, Any]:
    """Key points of the validation curve, and the curve."""
    points = read(pipeline, "train_sovits", "curves.json")["validation"]
    steps = points[-1]["step"]
    first, last = points[0], points[-1]
    good = next((p["step"] for p in points if p["f0_correlation"] > GOOD_CORRELATION), None)
    return {
        "steps": steps,
        "cpu_min": minutes(steps, step_s),
        "mel_first": first["mel"],
        "mel_last": last["mel"],
        "mel_fall": 1 - last["mel"] / first["mel"],
        "f0_correlation_last": last["f0_correlation"],
        "f0_correlation_best": max(p["f0_correlation"] for p in points),
        "f0_correlation_above_0.8_from_step": good,
        "curve": [
            {"step": p["step"], "cpu_min": minutes(p["step"], step_s), **{n: p[n] for n in MEASURES}}
            for p in thinned(points)
        ],
    }


def t2s(pipeline: Pipeline, step_s: float | None) -> dict[str, Any]:
    """Training loss from start to end; what it gives back is among the voice's measures."""
    points = read(pipeline, "train_t2s", "curves.json")["train"]
    return {
        "steps": points[-1]["step"],
        "cpu_min": minutes(points[-1]["step"], step_s),
        "cross_entropy_first": points[0]["cross_entropy"],
        "cross_entropy_last": points[-1]["cross_entropy"],
        "curve": [{n: p[n] for n in ("step", "cross_entropy")} for p in thinned(points)],
    }


if __name__ == "__main__":
    voices.main("real_training", __doc__, "small", describe)
