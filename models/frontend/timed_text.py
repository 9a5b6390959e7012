"""A text that says when it is spoken; looking at lists needs no more of `cuts`."""

from __future__ import annotations

from typing import NamedTuple


class Cut(NamedTuple):
    """A stretch of a recording and what is said in it.

    Attributes:
        start_s, end_s: inside the recording, seconds.
        text: what is said.
        speaker: who says it, where that is known.
        joins: it may be joined with its neighbours to an utterance, as subtitles and words may.
    """

    start_s: float
    end_s: float
    text: str
    speaker: str | None = None
    joins: bool = False

    @property
    def duration_s(self) -> float:
        """Its length, seconds."""
        return self.end_s - self.start_s
