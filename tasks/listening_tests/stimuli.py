"""Sounds made ready for a listening test: the low anchor, and one loudness for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from configs.errors import UserError
from models.frontend.audio import Waveform
from models.frontend.loudness import SILENCE_LUFS, integrated_loudness, level, true_peak_dbfs
from models.frontend.low_anchor import low_anchor

ANCHOR = "low anchor (3.5 kHz)"
LOUDEST_LUFS, CEILING_DBFS = -23.0, -1.0
"""Sounds are as loud as broadcasts (EBU R 128), or less where a peak would not fit."""


class System(NamedTuple):
    """What is judged, and how it says each sentence."""

    name: str
    said: Mapping[str, Waveform]


def anchor_of(reference: System) -> System:
    """The recordings as the low anchor.

    Raises:
        UserError: they hold nothing that could be missed.
    """
    try:
        said = {
            name: Waveform(low_anchor(wave.samples, wave.sample_rate), wave.sample_rate)
            for name, wave in reference.said.items()
        }
    except ValueError as error:
        raise UserError(
            f"--kind mushra: the recordings cannot give a low anchor: {error}; use another kind"
        ) from error
    return System(ANCHOR, said)


def matched(systems: Sequence[System]) -> list[System]:
    """The systems at one loudness, without clipping: nobody shall win by being louder.

    Raises:
        UserError: a sound is silent.
    """
    target = LOUDEST_LUFS
    for system in systems:
        for name, (samples, rate) in system.said.items():
            loudness = integrated_loudness(samples, rate)
            if loudness <= SILENCE_LUFS:
                raise UserError(f"{system.name}: its {name} is silent; leave it out, or record it again")
            target = min(target, loudness + CEILING_DBFS - true_peak_dbfs(samples))
    return [
        System(
            system.name,
            {
                name: Waveform(
                    level(wave.samples, wave.sample_rate, target, CEILING_DBFS).samples, wave.sample_rate
                )
                for name, wave in system.said.items()
            },
        )
        for system in systems
    ]
