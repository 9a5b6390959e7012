"""The stage that is at work: how far it is, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from flows.pace import Pace
from tasks.watching import Advance


class UnderWay:
    """Follows the stage that is at work.

    Args:
        clock: seconds since whenever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.begin("")

    def begin(self, stage: str, expected_s: float | None = None) -> None:
        """Another stage begins.

        Args:
            stage: its name; empty: none is at work.
            expected_s: what it should take; None where nobody knows.
        """
        self.stage = stage
        self.at = Advance(0, 0)
        self.is_counted = False
        """Whether it has told of its own work; phases come before."""
        self._expected_s = expected_s
        self._begun_s = self._clock()
        self._pace = Pace()

    def advance(self, at: Advance) -> None:
        """It got further."""
        if at.phase != self.at.phase:
            self._pace = Pace()
        self.at = at
        self.is_counted = self.is_counted or bool(at.total and not at.phase)
        if at.total:
            self._pace.advanced(at.done, self._clock())

    @property
    def passed_s(self) -> float:
        """Since it began."""
        return self._clock() - self._begun_s

    def left_s(self) -> float | None:
        """Until it is done: by its pace, before its first steps by what it should take, else until its phase
        is over; None where that cannot be told."""
        by_pace_s = self._pace.left_s(self.at.total, self._clock()) if self.at.done < self.at.total else None
        if self._expected_s is None or (by_pace_s is not None and not self.at.phase):
            return by_pace_s
        return max(0.0, self._expected_s - self.passed_s, by_pace_s or 0.0)
