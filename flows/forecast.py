"""What a run will take, told before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from flows.pace import in_words
from tasks.advice.estimate import Estimate, Speech, estimate
from tasks.advice.machine import Machine, look_at_machine
from tasks.advice.recordings import clips_of, lengths_s
from tasks.advice.throughput import read_throughput
from tasks.pipeline import Pipeline


class Forecast(NamedTuple):
    """What a run will take.

    Attributes:
        said: In one line; empty where nothing of it trains.
        seconds: Of each stage that must run; None where nobody knows.
    """

    said: str
    seconds: Mapping[str, float | None]


def forecast(pipeline: Pipeline, stages: Sequence[str]) -> Forecast:
    """Time, memory and disk of the stages that must run.

    Args:
        pipeline: The voice's, which has looked at its recordings.
        stages: Names of those that must run.
    """
    rows = pipeline.scanned().rows
    lengths = lengths_s(rows)
    speech = Speech(sum(lengths.values()), clips_of(lengths.values()), len({row["speaker"] for row in rows}))
    machine = look_at_machine(pipeline.workspace)
    known = read_throughput(pipeline.workspace)
    found = estimate(pipeline.settings, speech, machine, known, stages)
    seconds = {name: found.by_stage.get(name) for name in stages}
    return Forecast(told(found, machine) if found.steps else "", seconds)


def told(known: Estimate, machine: Machine) -> str:
    """An estimate in one line."""
    if known.seconds is None or known.training_s is None:
        time = "how long it takes here was never measured; the first hundred steps will tell"
    elif known.training_s:
        how = "as measured here" if known.is_measured else "reckoned from another machine's measurement"
        time = f"about {in_words(known.seconds)}, {in_words(known.training_s)} of it training ({how})"
    else:
        time = f"about {in_words(known.seconds)}"
    steps = ", ".join(f"{name} {count} steps" for name, count in known.steps.items())
    memory = "memory was never measured" if known.memory_gb is None else f"{known.memory_gb:.1f} GB of memory"
    disk = "disk was never measured" if known.disk_gb is None else f"{known.disk_gb:.1f} GB of disk"
    busy = f"{machine.load:.0f} other programs keep {machine.cores} cores busy, which makes it longer"
    slowed = known.seconds is not None and not known.is_measured and machine.load > machine.cores + 1
    parts = (time, steps, f"{memory}, {disk}", busy if slowed else "")
    return "; ".join(part for part in parts if part)
