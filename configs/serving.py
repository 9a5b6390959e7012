"""Settings of the speech server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from configs.base import Section
from configs.compute import Device


class ServingSettings(Section):
    """What a server lets clients ask for, and how much of the machine it takes for them."""

    characters: int = Field(4096, ge=1, le=1_000_000)
    """Characters of a text, at most."""
    pauses_s: float = Field(600.0, ge=0)
    """Silence that a text may ask for, all its pauses together, seconds."""
    unknown_fields: Literal["ignore", "refuse"] = "ignore"
    """What happens to fields of a request that nobody knows."""
    voices_kept: int = Field(3, ge=1, le=64)
    """Voices that are held in memory; the one that was longest unused goes first."""
    queue: int = Field(64, ge=1, le=4096)
    """Requests that are spoken or wait; further ones are told to come again."""
    rate_per_minute: int = Field(0, ge=0)
    """Requests of one key (without keys: of one address) in a minute; 0 is any number."""
    deadline_s: float = Field(300.0, gt=0)
    """A request is given up after so long, seconds."""
    reference_mb: float = Field(10.0, gt=0)
    """Size of an uploaded reference, at most."""
    upload_mb: float = Field(512.0, gt=0)
    """Size of recordings that are uploaded for a training, at most."""
    lanes: int = Field(0, ge=0, le=64)
    """Sentences that are spoken at the same time; 0 is one per core, two at most."""
    threads: int = Field(0, ge=0, le=256)
    """Arithmetic threads of each; 0 shares the cores out. Their number decides a sound's last bits."""
    device: Device | None = None
    """Where to compute; None is what each voice's settings say."""
    early_characters: int = Field(80, ge=0, le=1000)
    """A first sentence that is longer is parted at a comma before that, for an earlier sound; 0: never."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Names by which voices can be asked for too."""
