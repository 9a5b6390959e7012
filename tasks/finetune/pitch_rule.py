"""When a training's sound ignores the pitch that it is asked for, and what becomes of the training then."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from configs.errors import UserError
from configs.train_acoustic import ListeningSettings

logger = logging.getLogger(__name__)

HEARD = ("f0_correlation", "f0_cents", "frame_line_db", "misheard", "misheard_recorded")
"""What a voice's card tells of its sound."""


@dataclass(frozen=True)
class PitchRule:
    """When a training's sound ignores pitch, and what becomes of it.

    Attributes:
        section: Of the settings, for messages: `train.kokoro`.
        settings: Of listening.
        remedy: What a person can do.
    """

    section: str
    settings: ListeningSettings
    remedy: str

    def broken(self, point: Mapping[str, float]) -> str | None:
        """What to say of a validation whose sound ignores pitch; None where it does not, or was not heard."""
        correlation, least = point.get("f0_correlation"), self.settings.min_correlation
        if correlation is None or correlation >= least:
            return None
        return (
            f"{self.section}: at step {int(point['step'])} the sound does not follow the pitch that it is "
            f"asked for: correlation {correlation:.2f}, where {self.section}.listening.min_correlation is "
            f"{least:g}, {point['f0_cents']:.0f} cents off; {self.remedy}"
        )

    def heed(self, point: Mapping[str, float], steps: int) -> None:
        """Warn of a validation of a run of so many steps, or stop it.

        Raises:
            UserError: the sound ignores pitch, past the share of the steps from which it must not, and the
                settings want such a training to stop.
        """
        if point["step"] < self.settings.from_share * steps or (message := self.broken(point)) is None:
            return
        if self.settings.ignored == "stop":
            raise UserError(f"{message}. It was stopped (listening.ignored = stop)")
        logger.warning("%s", message)
