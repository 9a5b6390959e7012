"""Which version of a training became its result, and how a person is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs.train import TrainSettings
from tasks.finetune.loop import State


def chosen_step(state: State, settings: TrainSettings) -> int:
    """The step whose weights are the result."""
    return state.best_step if settings.choose == "best" and state.best_step is not None else state.step


def chosen_point(state: State, settings: TrainSettings) -> Mapping[str, float]:
    """The validation of these weights, or the last one; empty where there was none."""
    if not state.validation_curve:
        return {}
    step = chosen_step(state, settings)
    points = (point for point in state.validation_curve if point["step"] == step)
    return next(points, state.validation_curve[-1])


def choice_in_words(state: State, settings: TrainSettings, watched: Sequence[str]) -> str:
    """What was chosen and by which figures; empty where the last weights were to be the result anyway."""
    if settings.choose == "last" or state.best is None:
        return ""
    point, last = chosen_point(state, settings), state.validation_curve[-1]
    figures = " + ".join(f"{name} {point[name]:.3g}" for name in watched if name in point)
    said = f"the version of step {state.best_step:,} of {state.step:,} is the result: score {state.best:.4g}"
    if watched != ("score",):
        said += f" ({figures}, less is better)"
    if state.best_step == last["step"]:
        return f"{said}, its last validation is its best"
    said += f", the last one's was {last['score']:.4g}"
    if state.best_step == 0:
        said += "; no later version was better than what training began with"
    return said
