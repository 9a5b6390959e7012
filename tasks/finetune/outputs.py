"""What is left of a training: weights, config and curves as files, points and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from tasks.finetune.loop import State, Trained


def write_outputs(folder: Path, trained: Trained, config: Mapping[str, Any]) -> dict[str, Path]:
    """Write weights, config and curves; equal runs give equal bytes.

    Args:
        folder: Where to.
        trained: The finished run; each of its modules becomes `MODULE.safetensors`.
        config: What `config.json` holds.

    Returns:
        File names and paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for module, weights in trained.weights.items():
        path = folder / f"{module}.safetensors"
        save_file({k: v.detach().cpu().contiguous() for k, v in weights.items()}, path)
        files[path.name] = path
    state = trained.state
    curves = {"train": _as_json(state.train_curve), "validation": _as_json(state.validation_curve)}
    for name, value in (("config.json", dict(config)), ("curves.json", curves)):
        files[name] = folder / name
        files[name].write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return files


def curves_as_series(state: State) -> dict[str, list[tuple[int, float]]]:
    """The curves as `split/loss` -> points."""
    series: dict[str, list[tuple[int, float]]] = {}
    splits = {"train": state.train_curve, "validation": state.validation_curve}
    for split, curve in splits.items():
        for point in curve:
            for name, value in point.items():
                if name != "step" and math.isfinite(value):
                    series.setdefault(f"{split}/{name}", []).append((int(point["step"]), value))
    return series


def summary(state: State, clips: int) -> dict[str, float]:
    """Metrics of a finished run: its length and its last losses."""
    metrics = {
        "steps": float(state.step),
        "epochs": float(state.epoch),
        "clips": float(clips),
        "skipped_steps": float(state.skipped),
    }
    for split, curve in (("train", state.train_curve), ("validation", state.validation_curve)):
        for name, value in (curve[-1] if curve else {}).items():
            if name != "step" and math.isfinite(value):
                metrics[f"{split}/{name}"] = value
    return metrics


def _as_json(curve: Sequence[Mapping[str, float]]) -> list[dict[str, float | None]]:
    """A curve with null for what is no number: JSON has no NaN."""
    return [{k: v if math.isfinite(v) else None for k, v in point.items()} for point in curve]
