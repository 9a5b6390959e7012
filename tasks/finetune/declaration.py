"""What the declarations of all training stages share."""

from __future__ import annotations

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

MACHINE_SETTINGS = ("compute.loader_threads",)
"""Settings that training reads and that change nothing but its speed."""
