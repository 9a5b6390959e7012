"""A text spoken on a device of its own, beside the same on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tasks.release.speak import load_voice
from tasks.release.voice import SpeakOptions
from tests.second_device import second_device

TEXT = "One two. Three four five!"


def same_sound(here: np.ndarray, there: np.ndarray) -> bool:
    """Whether two renderings differ by rounding: a CPU has kernels of its own for some convolutions, and the
    phase of what is nearly silent turns on the last bit."""
    return here.shape == there.shape and float(np.corrcoef(here, there)[0, 1]) > 0.999


def spoken_on_both(
    folder: Path, manner: dict[str, Any] | None = None, reference: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The samples from the CPU, then those from the second device."""
    made = []
    with second_device() as there:
        for device in (None, there):
            voice = load_voice(folder, manner, device)
            assert voice.device.type == (device.type if device else "cpu")
            given = None if reference is None else [voice.reference_from_file(reference, "one two three")]
            made.append(voice.speak(TEXT, SpeakOptions(seed=3, references=given)).samples)
    return made[0], made[1]
