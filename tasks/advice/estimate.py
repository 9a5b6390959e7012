"""How long a run takes and what it needs, before it begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from configs.settings import Settings
from tasks.advice.machine import Machine
from tasks.advice.reference import DISK_GB, OTHERS, OTHERS_GFLOPS, PLAIN, reference_of
from tasks.advice.throughput import ANY_PRESET, Measured, key_of
from tasks.families import FAMILIES
from tasks.named import imported

LEAST_GFLOPS = 1.0


class Speech(NamedTuple):
    """How much there is to learn from.

    Attributes:
        seconds: Of recordings.
        clips: Utterances that they come to, about.
        speakers: Who speak in them.
    """

    seconds: float
    clips: int
    speakers: int


class Estimate(NamedTuple):
    """What a run will take.

    Attributes:
        seconds: In all; None where a training of it was never measured on anything like this machine.
        training_s: Of that, in stages that train; None likewise.
        memory_gb: At most; None where that was never measured.
        disk_gb: That the workspace grows by; None likewise.
        steps: Optimiser steps of each stage that trains.
        by_stage: Seconds of each stage; a training that was never measured is not there.
        is_measured: Whether all trainings are reckoned from what this machine took for the same preset.
    """

    seconds: float | None
    training_s: float | None
    memory_gb: float | None
    disk_gb: float | None
    steps: Mapping[str, int]
    by_stage: Mapping[str, float]
    is_measured: bool


def estimate(
    settings: Settings,
    speech: Speech,
    machine: Machine,
    known: Mapping[str, Measured],
    stages: Collection[str],
) -> Estimate:
    """Reckon a run from what was measured: here with the same preset, else elsewhere.

    Args:
        settings: Of the run.
        speech: What it learns from.
        machine: Where it runs.
        known: What stages took on this machine, by `throughput.key_of`.
        stages: Names of those that will run.
    """
    device = "cuda" if machine.gpu and settings.compute.device != "cpu" else "cpu"
    here = machine if device == "cuda" else machine._replace(gpu="")
    steps = {name: count for name, count in expected_steps(settings, speech).items() if name in stages}
    trainings_s: dict[str, float] = {}
    memory_gb: list[float] = []
    is_measured = bool(steps)
    for name, count in steps.items():
        measured = known.get(key_of(name, settings.preset, device))
        is_measured = is_measured and measured is not None
        took = _taken(measured) if measured is not None else _reckoned(name, settings, here)
        if took is None:
            continue
        trainings_s[name] = count * took.each_s + took.further_s
        memory_gb += [] if took.memory_gb is None else [took.memory_gb]
    training_s = sum(trainings_s.values()) if len(trainings_s) == len(steps) else None
    others = [name for name in stages if name not in steps]
    others_s = _others_s(settings, speech, here, known, others, device)
    return Estimate(
        seconds=None if training_s is None else training_s + sum(others_s.values()),
        training_s=training_s,
        memory_gb=max(memory_gb) if len(memory_gb) == len(steps) and memory_gb else None,
        disk_gb=DISK_GB.get(settings.family.name),
        steps=steps,
        by_stage=trainings_s | others_s,
        is_measured=is_measured,
    )


def expected_steps(settings: Settings, speech: Speech) -> dict[str, int]:
    """Optimiser steps of each training stage, about; nothing of a family that does not tell."""
    told = FAMILIES[settings.family.name].expected_steps
    if told is None:
        return {}
    shares = settings.features.shard
    trained = max(1, round(speech.clips * (1 - shares.validation_share - shares.test_share)))
    found: dict[str, int] = imported(told)(settings, speech.seconds, trained, speech.speakers)
    return {name: count for name, count in found.items() if count}


class _Took(NamedTuple):
    """Seconds for a step and beside the steps, and memory where it is known."""

    each_s: float
    further_s: float
    memory_gb: float | None


def _taken(measured: Measured) -> _Took:
    return _Took(measured["each_s"], measured["further_s"], measured["memory_gb"])


def _reckoned(stage: str, settings: Settings, machine: Machine) -> _Took | None:
    """What another machine took, by how fast this one multiplies."""
    found = reference_of(stage, settings.preset, machine)
    if found is None:
        return None
    slower = found.gflops / max(machine.gflops, LEAST_GFLOPS)
    network = getattr(settings.train, _NETWORK.get(stage, stage.split("_")[1]))
    each_s = found.clip_s * network.batch_size * network.accumulate * slower
    return _Took(each_s, found.further_s * slower, found.memory_gb)


_NETWORK = {"fit_kokoro": "kokoro_fit"}
"""Section of `train` that sets up a stage, where it is not the second word of the stage's name."""


def _others_s(
    settings: Settings,
    speech: Speech,
    machine: Machine,
    known: Mapping[str, Measured],
    stages: Collection[str],
    device: str,
) -> dict[str, float]:
    """Seconds of each stage that trains nothing."""
    keys = {name: key_of(name, ANY_PRESET, device) for name in stages}
    if sum(key in known for key in keys.values()) >= len(stages) / 2:
        took = {name: known[key] for name, key in keys.items() if key in known}
        spent_s = {name: one["each_s"] * speech.seconds + one["further_s"] for name, one in took.items()}
        return dict.fromkeys(stages, 0.0) | spent_s
    others = OTHERS.get(settings.family.name, PLAIN)
    slower = OTHERS_GFLOPS / max(machine.gflops, LEAST_GFLOPS)
    whole_s = slower * (others.further_s + others.each_s * speech.seconds)
    found = dict.fromkeys(stages, whole_s / max(_ALL_OTHERS, len(stages)))
    sentences_s = slower * others.sentence_s * settings.release.evaluate.sentences
    for name in _SAYING_AND_JUDGING & found.keys():
        found[name] += sentences_s / len(_SAYING_AND_JUDGING)
    return found


_SAYING_AND_JUDGING = {"synthesize", "evaluate"}


_ALL_OTHERS = 18
"""Stages that train nothing, in a run in which none is done; about."""
