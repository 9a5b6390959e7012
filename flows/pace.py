"""How fast something goes, how long is left of it, and times as people say them."""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 180.0
"""A pace is that of so much time: a training's phases differ, and a machine gets busy."""
LEAST_S = 2.0
"""Sooner there is no pace to speak of."""


class Pace:
    """The pace of something that is counted.

    Args:
        window_s: over how much of the time that is just past.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._points: deque[tuple[float, int]] = deque()

    def advanced(self, done: int, now_s: float) -> None:
        """Note how far it is."""
        if self._points and done < self._points[-1][1]:
            self._points.clear()
        self._points.append((now_s, done))
        if self._window_s == math.inf and len(self._points) > 2:
            del self._points[1]
        while len(self._points) > 2 and now_s - self._points[1][0] > self._window_s:
            self._points.popleft()

    @property
    def counted(self) -> int:
        """How many were done since the first that is known of."""
        return self._points[-1][1] - self._points[0][1] if self._points else 0

    def seconds_each(self) -> float | None:
        """Seconds for one; None where that cannot be told yet."""
        if len(self._points) < 2:
            return None
        (begun_s, first), (last_s, last) = self._points[0], self._points[-1]
        if last == first or last_s - begun_s < LEAST_S:
            return None
        return (last_s - begun_s) / (last - first)

    def left_s(self, total: int, now_s: float) -> float | None:
        """Seconds until all are done; None where that cannot be told yet."""
        each_s = self.seconds_each()
        if each_s is None:
            return None
        last_s, last = self._points[-1]
        return max(0.0, (total - last) * each_s - (now_s - last_s))


def in_words(seconds: float) -> str:
    """A length of time as people say it: `45 s`, `12 min`, `2 h 10 min`, `3 days`."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 10:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if hours < 48:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86_400)} days"
