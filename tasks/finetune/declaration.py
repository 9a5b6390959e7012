"""What the declarations of all training stages share."""

from __future__ import annotations

from configs.train import HOUSEKEEPING

RUN_SETTINGS = (
    "family",
    "seed",
    "compute.threads",
    "compute.device",
    "compute.precision",
    "compute.processes",
)
"""Settings, beside a network's own, that decide what a training makes."""

LISTENING_LIBRARIES = ("faster-whisper", "resemblyzer")
"""Who hears the versions that a training chooses among: words and voices."""


def machine_settings(*sections: str) -> tuple[str, ...]:
    """Settings that training reads and that change nothing of what it makes.

    Args:
        sections: Of `TrainSettings` that the stage reads: `train.kokoro`.
    """
    own = (f"{section}.{name}" for section in sections for name in HOUSEKEEPING)
    return ("compute.loader_threads", *own)
